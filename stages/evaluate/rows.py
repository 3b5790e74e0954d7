"""A split's rows, as tokenize has left them and as the model scores them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from datasets import load_from_disk

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("split", pa.string()),
        ("label", pa.int64()),
        ("prediction", pa.int64()),
        ("probabilities", pa.list_(pa.float64())),  # in the order of label ids, calibrated
        ("logits", pa.list_(pa.float64())),  # the model's own
        ("unit", pa.int64()),  # equal for rows that are not independent of each other
    ]
)


class Tokens(NamedTuple):
    """Tokenized rows, each id once. id, label: (rows,) int. input_ids: token ids of each row."""

    id: np.ndarray
    label: np.ndarray
    input_ids: list[np.ndarray]

    def at(self, positions: np.ndarray) -> "Tokens":
        """Return some of the rows. positions: (some,) int."""
        return Tokens(self.id[positions], self.label[positions], [self.input_ids[i] for i in positions])


class ScoredRows(NamedTuple):
    """Scored rows. id, label, predicted, unit: (rows,) int. logits, probabilities: (rows, labels)."""

    id: np.ndarray
    label: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    predicted: np.ndarray
    unit: np.ndarray


def read(folder: Path) -> tuple[Tokens, np.ndarray]:
    """Return a tokenized split's rows, and the labels of all of them, those repeated by balancing among them."""
    rows = load_from_disk(folder).with_format("numpy")
    ids, first = np.unique(np.asarray(rows["id"]), return_index=True)
    labels, input_ids = np.asarray(rows["label"]), list(rows["input_ids"])
    return Tokens(ids, labels[first], [input_ids[i] for i in first]), labels


def frame(splits: dict[str, ScoredRows]) -> pd.DataFrame:
    """Return the columns of SCHEMA of all splits, one below the other."""
    return pd.concat(
        pd.DataFrame(
            {
                "id": rows.id,
                "split": name,
                "label": rows.label,
                "prediction": rows.predicted,
                "probabilities": list(rows.probabilities),
                "logits": list(rows.logits),
                "unit": rows.unit,
            }
        )
        for name, rows in splits.items()
    )
