"""The validation rows of each trial, with its probabilities: kept apart from Optuna's storage, a file a trial."""

import json
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa

from strata.base import tables
from strata.base.errors import StrataError
from strata.labels import Labels

SCHEMA = pa.schema(
    [("id", pa.int64()), ("label", pa.int64()), ("probabilities", pa.list_(pa.float64())), ("unit", pa.int64())]
)
LABELS = b"labels"  # their names and the positive one, in the file's metadata


def write_rows(folder: Path, trial: int, rows: pd.DataFrame, labels: Labels) -> None:
    """Write a trial's rows. trial: its number. rows: columns of SCHEMA."""
    schema = SCHEMA.with_metadata({LABELS: json.dumps([labels.names, labels.positive])})
    path = _path(folder, trial)
    tables.write_frame(path, rows, schema)
    with path.open("rb") as content:
        os.fsync(content.fileno())  # before the trial counts as ended, which a power cut would keep


def read_rows(folder: Path, trial: int, columns: list[str] = SCHEMA.names) -> tuple[pd.DataFrame, Labels]:
    """Read what `write_rows` wrote, sorted by id, which occurs once. Raises: StrataError when it cannot be read."""
    path = _path(folder, trial)
    if not path.is_file():
        raise StrataError(
            f"{path}: no such file, so trial {trial} cannot be compared; copy it from where the trial ran, or start "
            "over with --restart"
        )
    try:
        names, positive = json.loads(tables.schema(path).metadata[LABELS])
        rows = tables.read(path, columns)
    except (StrataError, KeyError, TypeError, ValueError):  # its remedy is for files that DVC tracks, which this is not
        raise StrataError(
            f"{path}: damaged, so trial {trial} cannot be compared; copy it from where the trial ran, or start over "
            "with --restart"
        ) from None
    return rows.sort_values("id", ignore_index=True), Labels(names, positive)


def _path(folder: Path, trial: int) -> Path:
    return folder / f"{trial:03d}.parquet"
