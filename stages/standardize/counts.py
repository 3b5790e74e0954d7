"""Where the rows of one table went: filtered, rejected or kept."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

from strata.base.errors import StrataError
from strata.label_rules import OUTSIDE
from strata.rejects import Rejects
from strata.row_counts import RowCounts

MOST_TOKENS = 10_000
_EMPTY = np.array([], dtype=np.int32)


class Counts:
    """Counts of one table's rows, added to batch by batch. A process may count some batches; `merge` adds them."""

    def __init__(self, names: list[str], rejects: Rejects | list[dict]):
        """names: of the labels, in id order. rejects: takes the rows that are set aside."""
        self.read = 0
        self.filtered: Counter[str] = Counter()  # rows by filter
        self.rejected: Counter[str] = Counter()  # rows by reason
        self.first_reject: dict | None = None
        self.rejects = rejects
        self.unlisted: Counter[str] = Counter()  # rows by label value, of values that the recipe does not list
        self.several: Counter[tuple[str, str]] = Counter()  # rows by label value and how it writes several labels
        self.tokens: set[str] = set()  # special tokens of the kept rows
        self.by_step = RowCounts(names)
        self._label: list[np.ndarray] = []
        self._characters: list[np.ndarray] = []

    def filter(self, name: str, is_kept: pd.Series, mask: pd.Series, label: pd.Series, text: pd.Series) -> pd.Series:
        """Count the rows that a filter drops, and return which rows are kept after it.

        is_kept: (rows,) bool, before it. mask: bool, true where a row may stay. label, text: by row.
        """
        after = is_kept & mask.reindex(is_kept.index)
        self.filtered[name] += int(is_kept.sum() - after.sum())
        kept = after[after].index
        self.by_step.add(name, label[kept].to_numpy(), text[kept].str.len().to_numpy())
        return after

    def reject(self, rejects: Iterable[dict]) -> None:
        """Count rows that are set aside. rejects: a value for each column of rejects.parquet."""
        for reject in rejects:
            self.rejects.append(reject)
            self.rejected[reject["reason"]] += 1
            self.first_reject = self.first_reject or reject

    def several_in_one(self, value: pd.Series, splits: dict[str, str]) -> None:
        """Count the rows whose value holds several labels. splits: such a value to how it writes them."""
        rows = value[value.isin(list(splits))].value_counts() if splits else {}
        self.several.update({(label, splits[label]): int(count) for label, count in rows.items()})

    def keep(self, label: pd.Series, text: pd.Series) -> None:
        """Count rows that no filter drops."""
        self._label.append(label.to_numpy(np.int32))
        self._characters.append(text.str.len().to_numpy(np.int32))

    def drop_outside(self, label: pd.Series) -> None:
        """Count the rows whose number matches no number rule of the labels."""
        self.filtered["label"] += int((label == OUTSIDE).sum())

    @property
    def label(self) -> np.ndarray:
        """The label id of each kept row: (rows,) int."""
        return np.concatenate([_EMPTY, *self._label])

    @property
    def characters(self) -> np.ndarray:
        """The length of each kept row's text: (rows,) int."""
        return np.concatenate([_EMPTY, *self._characters])

    def take_sample(self, positions: np.ndarray) -> None:
        """Keep only the rows at some positions among the kept ones, and count the others."""
        self.filtered["sample"] = len(self.label) - len(positions)
        self._label, self._characters = [self.label[positions]], [self.characters[positions]]

    def merge(self, other: "Counts") -> None:
        """Add the counts of the rows that follow. Raises: StrataError on too many special tokens."""
        self.read += other.read
        self.filtered.update(other.filtered)
        self.unlisted.update(other.unlisted)
        self.several.update(other.several)
        self.reject(other.rejects)
        self.by_step.merge(other.by_step)
        self._label += other._label
        self._characters += other._characters
        self.tokens |= other.tokens
        if len(self.tokens) > MOST_TOKENS:
            raise StrataError(
                f"annotate: more than {MOST_TOKENS:,} special tokens, one a value; choose columns with fewer values"
            )
