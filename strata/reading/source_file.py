"""One source file of any format as tables of text columns. Rows that cannot be read are set aside."""

import importlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.tables import PLACE
from strata.reading import values
from strata.reading.batch import Batch, UnreadableFile
from strata.reading.formats import ALLOWED, FORMATS
from strata.reading.unpack import inner_name
from strata.rejects import Rejects

_UNREADABLE = (pa.ArrowException, UnreadableFile, OSError, EOFError, zipfile.BadZipFile, zlib.error)
_UNREADABLE += (RuntimeError,)  # a zip archive with a password


class SourceFile:
    """One source file as a stream of tables; `rejects` takes the rows that cannot be read, as they come."""

    def __init__(
        self, path: Path, name: str | None = None, rejects: Rejects | None = None, encoding: str | None = None
    ):
        """name: the file's name in `_file`, rejects and messages; without one, the name on disk.

        encoding: of a text format; None to detect it. Raises: StrataError when the suffix is in no format.
        """
        self.path = path
        self.name = name or path.name
        self.rejects = Rejects() if rejects is None else rejects
        self.rows_read = 0
        self.suffix = Path(inner_name(path)).suffix.lower()
        if self.suffix not in FORMATS:
            raise StrataError(f"{path}: unknown format {self.suffix!r}; allowed: {ALLOWED}")
        self.format = FORMATS[self.suffix]
        self._encoding = encoding

    def tables(self) -> Iterator[pa.Table]:
        """Yield the readable rows in the file's order, PLACE before the file's columns; null is an empty value.

        Raises: StrataError when the file cannot be read, or its columns' names cannot be used.
        """
        reader = importlib.import_module(f"strata.reading.{self.format.reader}")
        nested: dict[str, None] = {}
        try:
            for batch in reader.batches(self.path, self.format, self._encoding, self._report):
                self.rows_read += batch.rows_read
                nested |= dict.fromkeys(batch.nested)
                for line, reason, raw in batch.rejects:
                    reject = {"file": self.name, "line": line, "reason": reason, "raw": values.printable(raw)}
                    self.rejects.append(reject)
                if len(batch.lines) or batch.table.num_columns:
                    yield self._with_place(batch)
        except _UNREADABLE as error:
            words = (str(error).splitlines() or [type(error).__name__])[0][:200]
            format_name = self.suffix[1:].upper()
            raise StrataError(f"{self.path}: not a readable {format_name} file: {words}; mend or replace it") from None
        for column in nested:
            self._report(f"column {column!r} holds lists or objects, kept as JSON")

    def _with_place(self, batch: Batch) -> pa.Table:
        files = pa.array([self.name] * len(batch.lines), pa.string())
        names = [*PLACE, *batch.table.column_names]
        return pa.table([files, batch.lines, *batch.table.columns], names=names)

    def _report(self, words: str) -> None:
        print(f"ingest: {self.name}: {words}")
