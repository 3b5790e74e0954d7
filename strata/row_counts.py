"""Rows by label and text length at every step, for the plots that show what filters and splits did."""

from pathlib import Path

import numpy as np
import pandas as pd

from strata.base import files

EDGES = np.array([16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384])
"""Characters, doubling, at which one bin of text length ends and the next one starts."""
NO_LABEL = "(no label)"


class RowCounts:
    """Counts of rows by step, label and bin of text length, added to batch by batch."""

    def __init__(self, names: list[str]):
        self.names = names
        self.steps: dict[str, np.ndarray] = {}  # (labels + 1, bins) each; the last row is for ids below 0

    def add(self, step: str, label: np.ndarray, characters: np.ndarray) -> None:
        """Count the rows of a step. label: (rows,) int. characters: (rows,) int, each text's length."""
        shape = (len(self.names) + 1, len(EDGES) + 1)
        cell = np.where(label < 0, len(self.names), label) * shape[1] + np.digitize(characters, EDGES)
        counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        self.steps[step] = self.steps.get(step, 0) + counts

    def merge(self, other: "RowCounts") -> None:
        """Add the counts of other rows."""
        for step, counts in other.steps.items():
            self.steps[step] = self.steps.get(step, 0) + counts


def write(tables: dict[str, RowCounts], plots: Path) -> None:
    """Write class_balance.csv (step, label, rows, share) and text_length.csv (step, label, characters, share).

    tables: name to counts; a step's name starts with its table's where there are several.
    """
    classes, lengths = [], []
    for table, row_counts in tables.items():
        for step, counts in row_counts.steps.items():
            name = step if len(tables) == 1 else f"{table}: {step}"
            for label, row in zip([*row_counts.names, NO_LABEL], counts, strict=True):
                if not row.sum():
                    continue
                share = round(float(row.sum() / counts.sum()), 6)
                classes.append({"step": name, "label": label, "rows": int(row.sum()), "share": share})
                for characters, rows in zip([*EDGES, 2 * EDGES[-1]], row, strict=True):
                    share = round(float(rows / row.sum()), 6)
                    lengths.append({"step": name, "label": label, "characters": int(characters), "share": share})
    files.write_curve(plots / "class_balance.csv", pd.DataFrame(classes))
    files.write_curve(plots / "text_length.csv", pd.DataFrame(lengths))
