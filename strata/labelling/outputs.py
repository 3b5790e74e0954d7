"""The labelled file: CSV, JSON Lines or Parquet, by its suffix."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pyarrow as pa
from pyarrow import csv

from strata.base import tables
from strata.base.errors import StrataError
from strata.base.files import replace_file


def _write_csv(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    with replace_file(path) as partial, csv.CSVWriter(partial, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_json_lines(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    encoder = msgspec.json.Encoder()
    with replace_file(path) as partial, partial.open("wb") as file:
        for batch in batches:
            file.write(encoder.encode_lines(batch.to_pylist()))


WRITERS = {".csv": _write_csv, ".jsonl": _write_json_lines, ".parquet": tables.write}


def check_suffix(path: Path) -> None:
    """Raise StrataError when no format has the suffix of an output."""
    if path.suffix.lower() not in WRITERS:
        found = f"cannot write {path.suffix}" if path.suffix else "has no suffix"
        raise StrataError(f"--out {path}: {found}; allowed: {', '.join(WRITERS)}")


def write(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    """Write record batches as one file, whole or not at all. Raises: StrataError when the disk is full or read-only."""
    WRITERS[path.suffix.lower()](path, batches, schema)
