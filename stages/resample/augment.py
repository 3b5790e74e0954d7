"""Changed copies of the training rows: a typing error, another case, a word less, two words swapped."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pandas as pd

from strata.settings.params import Resample
from strata.text.changes import changed
from strata.text.cleaning import cleaned


def with_changed_copies(rows: pd.DataFrame, settings: Resample, clean: Sequence[str], seed: int) -> pd.DataFrame:
    """Return the rows in the order of their ids, each id's own rows before its copies, of which each row has `augment`.

    A copy has the id, label, group and annotation of its row. clean: the recipe's steps, taken again, since a change
    can leave two spaces; without html, which would remove what only looks like a tag. A text that no change
    applies to, or that would be empty, is repeated as it is, so that the labels keep their shares.
    """
    if not settings.augment:
        return rows
    copies = rows.iloc[np.repeat(np.arange(len(rows)), settings.augment)]
    numbers = copies.groupby("id").cumcount()  # of each id's copies, from 0
    texts = [
        changed(text, settings.augment_changes, Random(f"{seed}:{row}:{number}"))
        for text, row, number in zip(copies["text"], copies["id"], numbers, strict=True)
    ]
    again = [step for step in clean if step != "html"]
    usable = [new if new.strip() else text for new, text in zip(cleaned(texts, again), copies["text"], strict=True)]
    return pd.concat([rows, copies.assign(text=usable)]).sort_values("id", kind="stable")
