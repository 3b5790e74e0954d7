"""One source file of any format as tables of text columns. Rows that cannot be read are set aside."""

import importlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from strata.base.errors import StrataError
from strata.reading import values
from strata.reading.batch import Batch, UnreadableFile
from strata.reading.formats import FORMATS, LINES
from strata.reading.parts import MARK
from strata.reading.raw_files import LABEL, RawFile
from strata.reading.unpack import inner_name
from strata.reading.unread_formats import refusal
from strata.rejects import Rejects

SHOWN = 5  # columns that a sentence names
BYTE_ORDER_MARK = "\ufeff"

_UNREADABLE = (pa.ArrowException, UnreadableFile, OSError, EOFError, zipfile.BadZipFile, zlib.error)
_UNREADABLE += (RuntimeError,)  # a zip archive with a password


def check_format(path: Path) -> None:
    """Raise StrataError when a file's suffix is in no format."""
    suffix = Path(inner_name(path)).suffix.lower()
    if suffix not in FORMATS:
        raise StrataError(refusal(path, suffix))


def parts_of(path: Path) -> list[str]:
    """Return the names of the tables in a file, none where it holds one, or cannot be read."""
    format = FORMATS.get(Path(inner_name(path)).suffix.lower())
    if format is None or not format.parts:
        return []
    try:
        return importlib.import_module(f"strata.reading.{format.reader}").parts(path)
    except _UNREADABLE:
        return []


class SourceFile:
    """One source file as a stream of tables; `rejects` takes the rows that cannot be read, as they come."""

    def __init__(
        self,
        raw: RawFile | Path,
        name: str | None = None,
        rejects: Rejects | None = None,
        encoding: str | None = None,
        report: Callable[[str], None] = print,
    ):
        """name: the file's name in `_file`, rejects and messages; without one, the name on disk.

        encoding: of a text format; None to detect it. report: takes a sentence for the user.
        Raises: StrataError when the suffix is in no format.
        """
        self._raw = raw if isinstance(raw, RawFile) else RawFile(raw)
        path = self._raw.path
        self.path = path
        self.name = name or path.name
        self.rejects = Rejects() if rejects is None else rejects
        self.rows_read = 0
        self.class_names: dict[str, list[str]] = {}  # of the columns whose ids have names, in id order
        self.suffix = Path(inner_name(path)).suffix.lower()
        if not self._raw.is_lines:
            check_format(path)
        self.format = LINES if self._raw.is_lines else FORMATS[self.suffix]
        if self._raw.part is not None and not self.format.parts:
            raise StrataError(f"{path}: has no parts to name; leave out {MARK}{self._raw.part}")
        self._encoding = encoding
        self._report = lambda words: report(f"{self.name}: {words}")

    def tables(self) -> Iterator[pa.Table]:
        """Yield the readable rows in the file's order, PLACE before the file's columns; null is an empty value.

        Raises: StrataError when the file cannot be read, or its columns' names cannot be used.
        """
        nested: dict[str, None] = {}
        objects: dict[str, list[str]] = {}
        try:
            for batch in self._batches():
                self.rows_read += batch.rows_read
                self._report_class_names(batch.class_names or {})
                nested |= dict.fromkeys(batch.nested)
                objects |= {held: _inside(held, batch.table.column_names) for held in batch.objects}
                for line, reason, raw in batch.rejects:
                    reject = {"file": self.name, "line": line, "reason": reason, "raw": values.printable(raw)}
                    self.rejects.append(reject)
                if len(batch.lines) or batch.table.num_columns:
                    yield self._with_place(batch)
        except _UNREADABLE as error:
            words = (str(error).splitlines() or [type(error).__name__])[0][:200]
            format_name = self.suffix[1:].upper()
            raise StrataError(f"{self.path}: not a readable {format_name} file: {words}; fix or replace it") from None
        for column, inside in objects.items():
            self._report(f"column {column!r} holds objects, read as the columns {', '.join(inside)}")
        for column in nested:
            self._report(f"column {column!r} holds lists or objects, kept as JSON")

    def _report_class_names(self, names: dict[str, list[str]]) -> None:
        for column in sorted(names.keys() - self.class_names.keys()):
            shown = ", ".join(names[column][:5]) + (" and so on" if len(names[column]) > 5 else "")
            self._report(f"column {column!r} holds ids, read as the names in the file's schema: {shown}")
        self.class_names |= names

    def _batches(self) -> Iterator[Batch]:
        reader = importlib.import_module(f"strata.reading.{self.format.reader}")
        named = {"part": self._raw.part} if self.format.parts else {}
        return reader.batches(self.path, self.format, self._encoding, self._report, **named)

    def _with_place(self, batch: Batch) -> pa.Table:
        files = pa.array([self.name] * len(batch.lines), pa.string())
        columns = {"_file": files, "_line": batch.lines}
        columns |= dict(zip(batch.table.column_names, map(_without_mark, batch.table.columns), strict=True))
        if self._raw.label is not None:
            if LABEL in columns:
                raise StrataError(
                    f"{self.path}: has a column called {LABEL}, the name of the label in its path; rename the column, "
                    "or name the files without {label}"
                )
            columns[LABEL] = pa.array([self._raw.label] * len(batch.lines), pa.string())
        return pa.table(columns)


def _without_mark(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts without a byte-order mark, which programs leave before one that they took from a file."""
    has_mark = pc.any(pc.starts_with(column, BYTE_ORDER_MARK)).as_py()
    if not has_mark:
        return column
    text = pc.utf8_ltrim(column, BYTE_ORDER_MARK)
    return pc.if_else(pc.equal(text, ""), None, text)


def _inside(held: str, columns: list[str]) -> list[str]:
    """Return the columns that an object's keys became, the first few."""
    inside = [column for column in columns if column.startswith(f"{held}.")]
    return inside[:SHOWN] + (["and so on"] if len(inside) > SHOWN else [])
