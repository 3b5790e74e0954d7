"""The reader of Parquet files."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

from strata.reading import columnar
from strata.reading.batch import Batch, check_names
from strata.reading.formats import Format
from strata.reading.unpack import unpacked


def batches(path: Path, format: Format, encoding: str | None, report: Callable[[str], None]) -> Iterator[Batch]:
    """Yield a file's rows in batches. Raises: pa.ArrowException, OSError, and as `columnar.text_batches`."""
    with unpacked(path) as file, pq.ParquetFile(file, pre_buffer=False) as table:
        check_names(path, table.schema_arrow.names)
        yield from columnar.text_batches(path, table.iter_batches(columnar.BATCH))
