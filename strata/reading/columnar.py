"""Parquet and Arrow files as batches of text columns."""

import math
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from strata.reading.encoding import is_utf8
from strata.reading.values import as_text as as_one_text

BATCH = 10_000  # rows


def batches(path: Path, suffix: str) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a Parquet file, an Arrow file or an Arrow stream. Raises: pa.ArrowException, OSError."""
    if suffix == ".parquet":
        with pq.ParquetFile(path, pre_buffer=False) as table:
            yield from table.iter_batches(BATCH)
        return
    with pa.memory_map(str(path)) as source:
        try:
            reader = pa.ipc.open_file(source)
        except pa.ArrowInvalid:  # what `datasets` writes is a stream
            source.seek(0)
            for batch in pa.ipc.open_stream(source):
                yield from _slices(batch)
            return
        for i in range(reader.num_record_batches):
            yield from _slices(reader.get_batch(i))


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for column in batch.columns:  # a damaged offset would be followed to any place in memory
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):  # such a row is rejected alone
                raise
    for start in range(0, batch.num_rows, BATCH):
        yield batch.slice(start, BATCH)


def as_text(column: pa.Array) -> tuple[pa.Array, set[int]]:
    """Every value as text, NaN as null, lists and structs as JSON; and the positions of bytes that are not UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        return pa.array([as_one_text(value) for value in column.to_pylist()], pa.string()), set()
    if pa.types.is_floating(column.type):
        # numpy writes the shortest digits that tell the number, as Python, JSON and CSV do
        texts = pa.array(column.fill_null(math.nan).to_numpy(zero_copy_only=False).astype(str), pa.string())
        return pc.if_else(pc.equal(texts, "nan"), None, texts), set()
    bad = _undecodable(column)
    if bad:
        column = pc.if_else(pa.array([i not in bad for i in range(len(column))]), column, None)
    return column.cast(pa.string()), bad


def _undecodable(column: pa.Array) -> set[int]:
    """The positions whose bytes are not UTF-8, in a column of bytes or of text."""
    kind = column.type
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or _is_text(kind)):
        return set()
    values = column.cast(pa.large_binary())
    try:
        values.cast(pa.large_string())
        return set()
    except pa.ArrowInvalid:
        return {i for i, value in enumerate(values.to_pylist()) if value is not None and not is_utf8(value)}


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
