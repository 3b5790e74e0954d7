"""The pipeline's Parquet tables: read with an error that names the file, written whole and with repeatable bytes."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from strata.base.errors import StrataError
from strata.base.files import replace_file

# a row group ends at either limit, so that the file's bytes do not depend on the sizes of the batches
ROW_GROUP = 50_000  # rows
ROW_GROUP_SIZE = 128 * 1024 * 1024  # bytes of text

ROWS = pa.schema(
    [
        ("id", pa.int64()),
        ("text", pa.string()),
        ("label", pa.int64()),
        ("group", pa.string()),
        ("annotation", pa.string()),
    ]
)
"""The columns of every table from standardize to resample. `id` is the row's position in the source."""
DATED_ROWS = ROWS.append(pa.field("date", pa.timestamp("us", "UTC")))
"""The columns that standardize writes if the recipe names a date."""
PLACE = ["_file", "_line"]
"""The columns of data/ingest that say where each row comes from: the file's name, and the line or position in it."""
ATTRIBUTE = "attribute."
"""Prefix of the columns by whose values scores are sliced: (rows,) str or null."""


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file; run the stage that writes it, or dvc repro") from None
    except (pa.ArrowException, OSError) as error:
        raise StrataError(f"{path}: not a readable Parquet file ({error}); restore it: dvc checkout --force") from None


def read(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file.

    Raises: StrataError when it is missing, is not Parquet, or lacks one of `columns`.
    """
    with _readable(path):
        return pq.ParquetFile(path).read(columns=columns).to_pandas()


def schema(path: Path) -> pa.Schema:
    """Return a Parquet file's schema. Raises: as `read`."""
    with _readable(path):
        return pq.read_schema(path)


def column_names(path: Path) -> list[str]:
    """Return the names of a Parquet file's columns. Raises: as `read`."""
    return schema(path).names


def row_groups(path: Path) -> list[int]:
    """Return the number of rows in each row group of a Parquet file. Raises: as `read`."""
    with _readable(path):
        metadata = pq.read_metadata(path)
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def batches(
    path: Path, rows: int, columns: list[str] | None = None, row_groups: list[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a Parquet file, or some of its row groups, in batches of at most `rows`. Raises: as `read`."""
    # with pre_buffer, the whole file would end up in memory
    with _readable(path), pq.ParquetFile(path, pre_buffer=False) as table:
        yield from table.iter_batches(rows, row_groups=row_groups, columns=columns)


def write(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
    """Write record batches as one Parquet file and return the number of rows.

    A thread compresses and writes a row group while the next batches are computed.
    """
    rows, writing = 0, None
    with (
        replace_file(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd") as writer,
        ThreadPoolExecutor(1) as thread,
    ):
        for row_group in _as_row_groups(batches, schema):
            if writing:
                writing.result()
            writing = thread.submit(writer.write_table, row_group)
            rows += len(row_group)
        if not writing:
            writing = thread.submit(writer.write_table, schema.empty_table())
        writing.result()
    return rows


def _as_row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows in tables of at most ROW_GROUP rows and ROW_GROUP_SIZE bytes; a larger row is a table alone."""
    pending, room, size_room = [], ROW_GROUP, ROW_GROUP_SIZE
    for batch in batches:
        sizes, taken = np.cumsum(_sizes(batch)), 0
        while taken < batch.num_rows:
            before = int(sizes[taken - 1]) if taken else 0
            fit = min(room, int(np.searchsorted(sizes, before + size_room, side="right")) - taken)
            if fit <= 0 and pending:
                yield pa.Table.from_batches(pending, schema)
                pending, room, size_room = [], ROW_GROUP, ROW_GROUP_SIZE
                continue
            fit = max(1, fit)
            pending.append(batch.slice(taken, fit))
            taken += fit
            room, size_room = room - fit, size_room - (int(sizes[taken - 1]) - before)
    if pending:
        yield pa.Table.from_batches(pending, schema)


def _sizes(batch: pa.RecordBatch) -> np.ndarray:
    """Bytes of text in each row: (rows,) int."""
    total = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        if pa.types.is_string(column.type):
            total += pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    return total


def write_frame(path: Path, frame: pd.DataFrame, schema: pa.Schema = ROWS) -> int:
    """Write the columns of `schema` of a DataFrame as one Parquet file and return the number of rows."""
    return write(path, pa.Table.from_pandas(frame, schema=schema, preserve_index=False).to_batches(), schema)
