"""Rows that are set aside with a reason: counted, and written to a Parquet file as they come, to save memory."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

BUFFER = 1000  # rows
BUFFER_SIZE = 16 * 1024 * 1024  # characters


class Rejects:
    """Rows that are set aside. Without a path they are only counted."""

    def __init__(self, path: Path | None = None, schema: pa.Schema | None = None):
        self.first: dict | None = None
        self.reasons: Counter[str] = Counter()
        self._writer = None if path is None else pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._buffer: list[dict] = []
        self._size = 0

    def __len__(self) -> int:
        return self.reasons.total()

    def append(self, reject: dict) -> None:
        """Set a row aside. reject: column to value; the column `reason` is required."""
        self.first = self.first or reject
        self.reasons[reject["reason"]] += 1
        if self._writer is None:
            return
        self._buffer.append(reject)
        self._size += sum(len(value) for value in reject.values() if isinstance(value, str))
        if len(self._buffer) >= BUFFER or self._size > BUFFER_SIZE:
            self._write()

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(self, *raised: object) -> None:
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if self._buffer:
            self._writer.write_table(pa.Table.from_pylist(self._buffer, self._schema))
        self._buffer, self._size = [], 0
