"""The reader of Arrow's files and streams; Feather is another name for an Arrow file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from strata.reading import columnar
from strata.reading.batch import Batch
from strata.reading.formats import Format
from strata.reading.unpack import unpacked


def batches(path: Path, format: Format, encoding: str | None, report: Callable[[str], None]) -> Iterator[Batch]:
    """Yield a file's rows in batches. Raises: pa.ArrowException, OSError, and as `columnar.text_batches`."""
    with unpacked(path) as file, pa.memory_map(str(file)) as source:
        yield from columnar.text_batches(path, _slices(source))


def _slices(source: pa.MemoryMappedFile) -> Iterator[pa.RecordBatch]:
    for batch in _record_batches(source):
        _check_offsets(batch)
        for start in range(0, batch.num_rows, columnar.BATCH):
            yield batch.slice(start, columnar.BATCH)


def _record_batches(source: pa.MemoryMappedFile) -> Iterator[pa.RecordBatch]:
    try:
        reader = pa.ipc.open_file(source)
    except pa.ArrowInvalid:  # the library datasets writes streams
        source.seek(0)
        yield from pa.ipc.open_stream(source)
        return
    for i in range(reader.num_record_batches):
        yield reader.get_batch(i)


def _check_offsets(batch: pa.RecordBatch) -> None:
    """Raise pa.ArrowInvalid when a column is damaged, since a wrong offset would be followed to any place in memory."""
    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):  # only the rows with invalid bytes are rejected, see columnar
                raise
