"""Tokenized rows, as tokenize writes them: the one place that reads them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from strata.base.errors import StrataError


class TokenizedRows(NamedTuple):
    """id, label: (rows,) int. input_ids: token ids of each row. Balancing may have repeated rows, with their ids."""

    id: np.ndarray
    label: np.ndarray
    input_ids: list[np.ndarray]

    def at(self, positions: np.ndarray) -> "TokenizedRows":
        """Return some of the rows. positions: (some,) int."""
        return TokenizedRows(self.id[positions], self.label[positions], [self.input_ids[i] for i in positions])

    def distinct(self) -> "TokenizedRows":
        """Return each row once, by rising id."""
        return self.at(np.unique(self.id, return_index=True)[1])


def read_tokens(folder: Path) -> TokenizedRows:
    """Read one split. Raises: StrataError when it is missing."""
    from datasets import load_from_disk  # takes a second, so a wrong parameter is told before it

    if not folder.is_dir():
        raise StrataError(f"{folder}: no such folder; run the stage tokenize, or dvc repro")
    rows = load_from_disk(folder).with_format("numpy")
    return TokenizedRows(np.asarray(rows["id"]), np.asarray(rows["label"]), list(rows["input_ids"]))
