"""A share of the training rows, for the question what more labels would bring."""

import numpy as np
import pandas as pd


def rows_of_share(rows: pd.DataFrame, unit: np.ndarray, share: float, seed: int) -> pd.DataFrame:
    """Return about a share of each label's rows, whole units at a time.

    The rows of a smaller share are among those of a larger one.
    unit: (rows,) int, equal for rows that belong together. A unit counts for the label that most of its rows have, and
    each label that a unit counts for keeps one at least. share: above 0, up to 1.
    """
    if share == 1:
        return rows
    table = pd.crosstab(unit, rows["label"].to_numpy())  # units by labels, both sorted
    order = np.random.default_rng(seed).permutation(len(table))
    sizes = pd.DataFrame({"rows": table.sum(axis=1), "label": table.idxmax(axis=1)}).iloc[order]
    of_label = sizes.groupby("label")["rows"]
    before, total = of_label.cumsum() - sizes["rows"], of_label.transform("sum")
    kept = sizes.index[(before == 0) | (before + sizes["rows"] / 2 <= share * total)]
    return rows[np.isin(unit, kept)]
