"""Rows by label and text length at every step, for the plots that show what filters and splits did."""

from pathlib import Path

import numpy as np
import pandas as pd

from strata.base import files

EDGES = np.array([16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384])
"""Characters at which one bin of text length ends and the next begins; they double."""
NO_LABEL = "(no label)"


class Balance:
    """Counts of rows by step, label and bin of text length, added to batch by batch."""

    def __init__(self, names: list[str]):
        self.names = names
        self.steps: dict[str, np.ndarray] = {}  # (labels + 1, bins); the last label takes in every id below 0

    def add(self, step: str, label: np.ndarray, characters: np.ndarray) -> None:
        """Count rows under a step. label: (rows,) int. characters: (rows,) int, of each text."""
        shape = (len(self.names) + 1, len(EDGES) + 1)
        cell = np.where(label < 0, len(self.names), label) * shape[1] + np.digitize(characters, EDGES)
        counted = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        self.steps[step] = self.steps.get(step, 0) + counted

    def merge(self, other: "Balance") -> None:
        """Add the counts of other rows."""
        for step, counted in other.steps.items():
            self.steps[step] = self.steps.get(step, 0) + counted


def write(balances: dict[str, Balance], plots: Path) -> None:
    """Write class_balance.csv (file, step, label, rows, share) and text_length.csv (with characters), in step order."""
    classes, lengths = [], []
    for file, balance in balances.items():
        for step, counts in balance.steps.items():
            name = step if len(balances) == 1 else f"{file}: {step}"
            for label, row in zip([*balance.names, NO_LABEL], counts, strict=True):
                if not row.sum():
                    continue
                share = round(float(row.sum() / counts.sum()), 6)
                classes.append({"step": name, "label": label, "rows": int(row.sum()), "share": share})
                for characters, rows in zip([*EDGES, 2 * EDGES[-1]], row, strict=True):
                    share = round(float(rows / row.sum()), 6)
                    lengths.append({"step": name, "label": label, "characters": int(characters), "share": share})
    files.write_curve(plots / "class_balance.csv", pd.DataFrame(classes))
    files.write_curve(plots / "text_length.csv", pd.DataFrame(lengths))
