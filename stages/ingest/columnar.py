"""Parquet and Arrow files as batches of text columns."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

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
    for start in range(0, batch.num_rows, BATCH):
        yield batch.slice(start, BATCH)


def as_text(column: pa.Array) -> pa.Array:
    """Every value as text, NaN as null; lists and structs as JSON. Raises: pa.ArrowInvalid on bytes not UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pa.types.is_nested(column.type):
        texts = [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in column.to_pylist()]
        return pa.array(texts, pa.string())
    return column.cast(pa.string())
