"""What a training's kept weights say of the validation rows: written by train, read by a search."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from strata.base import tables

NAME = "validation.parquet"
SCHEMA = pa.schema([("id", pa.int64()), ("label", pa.int64()), ("probabilities", pa.list_(pa.float64()))])


def write(folder: Path, ids: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Write the rows. ids, labels: (rows,) int. probabilities: (rows, labels), not calibrated."""
    frame = pd.DataFrame({"id": ids, "label": labels, "probabilities": list(probabilities)})
    tables.write_frame(folder / NAME, frame, SCHEMA)


def read(folder: Path) -> pd.DataFrame:
    """Read what `write` wrote: columns of SCHEMA. Raises: StrataError when it is missing or broken."""
    return tables.read(folder / NAME, SCHEMA.names)
