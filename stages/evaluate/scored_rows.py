"""Scored rows of one split: labels, logits, probabilities and predictions, as predictions.parquet holds them."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("split", pa.string()),
        ("label", pa.int64()),
        ("prediction", pa.int64()),
        ("probabilities", pa.list_(pa.float64())),  # in the order of label ids, calibrated
        ("logits", pa.list_(pa.float64())),  # the model's own, not calibrated
        ("unit", pa.int64()),  # equal for rows that are not independent of each other
    ]
)


class ScoredRows(NamedTuple):
    """One split's rows. id, label, predicted, unit: (rows,) int. logits, probabilities: (rows, labels)."""

    id: np.ndarray
    label: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    predicted: np.ndarray
    unit: np.ndarray  # equal for rows that are not independent of each other

    @property
    def wrong(self) -> np.ndarray:
        """Whether each row's prediction is wrong: (rows,) bool."""
        return self.label != self.predicted


def frame(splits: dict[str, ScoredRows]) -> pd.DataFrame:
    """Return one table of all splits with the columns of SCHEMA. splits: by name."""
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
