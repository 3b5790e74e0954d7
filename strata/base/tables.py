"""Parquet tables of the pipeline: read with an error that names the file, written whole and repeatable."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from strata.base.errors import StrataError
from strata.base.files import replace_file

# a row group ends at either, so that the file's bytes do not depend on how the rows arrived
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
"""What every table from standardize to resample holds. `id` is the row's position in the source."""
DATED_ROWS = ROWS.append(pa.field("date", pa.timestamp("us", "UTC")))
"""What standardize writes where the recipe names a date."""
PLACE = ["_file", "_line"]
"""The columns of data/ingest that say where each row comes from: the file's name, and the line or position in it."""
ATTRIBUTE = "attribute."
"""Begins the name of a column of the source by whose values scores are told apart: (rows,) str or null."""


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
    path: Path, rows: int, columns: list[str] | None = None, groups: list[int] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a Parquet file, or some of its row groups, in batches of at most `rows`. Raises: as `read`."""
    # pre-buffered, a file read to its end would be in memory whole
    with _readable(path), pq.ParquetFile(path, pre_buffer=False) as table:
        yield from table.iter_batches(rows, row_groups=groups, columns=columns)


def write(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
    """Write record batches as one Parquet file and return the number of rows.

    Row groups are compressed and written in a thread, while the next batches are made.
    """
    rows, pending, writing = 0, [], None
    with (
        replace_file(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd") as writer,
        ThreadPoolExecutor(1) as thread,
    ):

        def start() -> Future:
            if writing:
                writing.result()
            return thread.submit(writer.write_table, pa.Table.from_batches(pending, schema))

        room, size_room = ROW_GROUP, ROW_GROUP_SIZE
        for batch in batches:
            sizes, taken = np.cumsum(_sizes(batch)), 0
            rows += batch.num_rows
            while taken < batch.num_rows:
                before = int(sizes[taken - 1]) if taken else 0
                fit = min(room, int(np.searchsorted(sizes, before + size_room, side="right")) - taken)
                if fit <= 0 and pending:
                    writing = start()
                    pending, room, size_room = [], ROW_GROUP, ROW_GROUP_SIZE
                    continue
                fit = max(1, fit)  # a row larger than a group is one alone
                pending.append(batch.slice(taken, fit))
                taken += fit
                room, size_room = room - fit, size_room - (int(sizes[taken - 1]) - before)
        if pending or not rows:
            writing = start()
        writing.result()
    return rows


def _sizes(batch: pa.RecordBatch) -> np.ndarray:
    """Bytes of text in each row: (rows,) int."""
    total = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        if pa.types.is_string(column.type):
            total += pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    return total


def write_frame(path: Path, frame: pd.DataFrame, schema: pa.Schema = ROWS) -> int:
    """Write a DataFrame's columns of `schema` as one Parquet file and return the number of rows."""
    return write(path, pa.Table.from_pandas(frame, schema=schema, preserve_index=False).to_batches(), schema)
