"""One source file of any format as tables of text columns, with the rows that could not be read."""

import codecs
import itertools
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from strata.base.errors import StrataError
from strata.reading import columnar, delimited, json_text, values
from strata.reading.encoding import as_utf8, detect, open_text
from strata.reading.json_text import Row
from strata.reading.unpack import inner_name, open_bytes
from strata.rejects import Rejects

MOST_COLUMNS = 4096
PLACE = ["_file", "_line"]  # the columns that say where a row was found
BATCH = 10_000  # rows
BATCH_SIZE = 64 * 1024 * 1024  # characters
LONGEST_RAW = 1_000_000  # characters of a rejected row of Parquet or Arrow
FORMATS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather")


class SourceFile:
    """One source file as a stream of text columns; rows that cannot be read go to `rejects` on the way."""

    def __init__(
        self, path: Path, name: str | None = None, rejects: Rejects | None = None, encoding: str | None = None
    ):
        """name: what the file is called in `_file` and in rejects, its own name unless given.

        encoding: of a text format; None to find it.
        """
        self.path = path
        self.name = name or path.name
        self.rejects = Rejects() if rejects is None else rejects
        self.rows_read = 0
        self._named_encoding = encoding
        self._nested: dict[str, None] = {}
        self.suffix = Path(inner_name(path)).suffix.lower()
        if self.suffix not in FORMATS:
            raise StrataError(
                f"{path}: unknown format {self.suffix!r}; allowed: {', '.join(FORMATS)}, each also as .gz or .zst or "
                "alone in a .zip"
            )

    @property
    def is_json(self) -> bool:
        return self.suffix in (".json", ".jsonl", ".ndjson")

    def tables(self) -> Iterator[pa.Table]:
        """Yield the readable rows in the file's order; null stands for an empty value."""
        try:
            if self.suffix in (".parquet", ".arrow", ".feather"):
                yield from self._columnar()
            elif self.is_json:
                yield from self._text_tables(self._json())
            else:
                yield from self._text_tables(self._delimited())
        except (pa.ArrowException, json_text.NotJson, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise self._unreadable(error) from None
        except RuntimeError as error:  # a zip archive with a password
            raise self._unreadable(error) from None
        for name in self._nested:
            print(f"ingest: {self.name}: column {name!r} holds lists or objects, kept as JSON")

    def _encoding(self) -> str:
        if self._named_encoding:
            return codecs.lookup(self._named_encoding).name
        with open_bytes(self.path) as stream:
            found = detect(stream)
        if not found.startswith("utf-8"):
            print(f"ingest: {self.name}: not UTF-8, read as {found}; source.encoding names another")
        return found

    def _delimited(self) -> Iterator[Row]:
        encoding = self._encoding()
        with open_bytes(self.path) as stream, open_text(stream, encoding) as text:
            sample = delimited.read_sample(text)
            dialect = delimited.find_dialect(sample, "\t" if self.suffix == ".tsv" else None)
            beginning = list(itertools.islice(delimited.rows(delimited.Texts(sample), dialect), 200))
            readable = [cells for _, cells, _, _ in beginning if cells]
            if not readable:
                raise StrataError(f"{self.path}: no readable line in it; it must name its columns, then hold rows")
            header = delimited.has_header(readable[0], readable[1:])
            names = [name.strip() for name in readable[0]] if header else [""] * len(readable[0])
            # pandas writes its index under an empty name
            names = [name or f"column_{i}" for i, name in enumerate(names, 1)]
            if not header:
                print(f"ingest: {self.name}: no header, columns are named column_1 to column_{len(names)}")
            self._check_names(names)
            if len(names) == 1:
                raise StrataError(
                    f"{self.path}: its first line is one column, {readable[0][0][:60]!r}; part the columns with "
                    "commas, tabs, semicolons or bars"
                )
            for line, cells, reason, raw in delimited.rows(delimited.Texts(sample, text), dialect):
                if cells is None:
                    yield line, None, reason, raw
                elif header:
                    header = False
                elif len(cells) != len(names):
                    yield line, None, f"{len(cells)} cells where the header has {len(names)}", raw
                else:
                    yield line, dict(zip(names, cells, strict=True)), None, raw

    def _json(self) -> Iterator[Row]:
        encoding = self._encoding()
        with open_bytes(self.path) as stream:
            yield from json_text.rows(as_utf8(stream, encoding))

    def _text_tables(self, rows: Iterator[Row]) -> Iterator[pa.Table]:
        names: dict[str, None] = {}
        while chunk := _chunk(rows):
            self.rows_read += len(chunk)
            good, places = [], []
            for line, row, reason, raw in chunk:
                if row is None:
                    self._reject(line, reason, raw)
                else:
                    good.append(row)
                    places.append(line)
                    if row.keys() - names.keys():
                        names |= dict.fromkeys(row)
            self._check_names(list(names))
            if not good:
                continue
            columns = self._columns(list(names), good)
            if columns is None:  # a row holds what text cannot; find it
                usable = []
                for line, row in zip(places, good, strict=True):
                    if reason := values.unusable(row):
                        self._reject(line, reason, values.raw(row))
                    else:
                        usable.append((line, row))
                places, good = [line for line, _ in usable], [row for _, row in usable]
                if not good:
                    continue
                columns = self._columns(list(names), good)
            yield self._placed(pa.table(columns, names=list(names)), pa.array(places, pa.int64()))

    def _columns(self, names: list[str], rows: list[dict[str, Any]]) -> list[pa.Array] | None:
        """Return the rows' values as text by column, or None where a value holds a NUL or no valid text."""
        try:
            columns = [self._column(name, rows) for name in names]
        except (UnicodeEncodeError, RecursionError):
            return None
        return None if any(_holds_nul(column) for column in columns) else columns

    def _column(self, name: str, rows: list[dict[str, Any]]) -> pa.Array:
        found = [row.get(name) for row in rows]
        kinds = {type(value) for value in found}
        if kinds != {str}:
            if kinds & {dict, list}:
                self._nested.setdefault(name)
            found = [values.as_text(value) for value in found]
        column = pa.array(found, pa.string())
        return pc.if_else(pc.equal(column, ""), None, column)

    def _columnar(self) -> Iterator[pa.Table]:
        with tempfile.TemporaryDirectory() as folder:
            path = self.path
            if path.suffix.lower() != self.suffix:  # packed, and these formats are read from any place
                path = Path(folder) / "unpacked"
                with open_bytes(self.path) as packed, path.open("wb") as unpacked:
                    while block := packed.read(1 << 20):
                        unpacked.write(block)
            row = 0
            for batch in columnar.batches(path, self.suffix):
                self._check_names(batch.schema.names)
                nested = [field.name for field in batch.schema if pa.types.is_nested(field.type)]
                self._nested |= dict.fromkeys(nested)
                columns, bad = [], {}
                for column in batch.columns:
                    text, undecodable = columnar.as_text(column)
                    columns.append(pc.if_else(pc.equal(text, ""), None, text))
                    bad |= dict.fromkeys(undecodable, "invalid bytes")
                table = pa.table(columns, names=batch.schema.names)
                for column in columns:
                    long = pc.greater(pc.binary_length(column), json_text.LONGEST)
                    if pc.any(long).as_py():
                        reason = f"longer than {json_text.LONGEST:,} bytes"
                        bad |= {i: reason for i, is_so in enumerate(long.to_pylist()) if is_so}
                for column in filter(_holds_nul, columns):
                    nul = pc.match_substring(column, "\0").to_pylist()
                    bad |= {i: "NUL byte" for i, holds in enumerate(nul) if holds}
                for i in sorted(bad):
                    self._reject(row + i + 1, bad[i], values.raw(table.slice(i, 1).to_pylist()[0])[:LONGEST_RAW])
                self.rows_read += len(table)
                table = self._placed(table, pa.array(range(row + 1, row + len(table) + 1), pa.int64()))
                row += len(table)
                yield table.filter(pa.array([i not in bad for i in range(len(table))])) if bad else table

    def _placed(self, table: pa.Table, lines: pa.Array) -> pa.Table:
        """Put file and line before each row; in a format without lines, the row's position from 1."""
        files = pa.array([self.name] * len(lines), pa.string())
        columns = [files, lines, *table.columns]
        return pa.table(columns, names=[*PLACE, *table.column_names])

    def _check_names(self, names: list[str]) -> None:
        """Raise: StrataError on too many columns, or two of one name."""
        if len(names) > MOST_COLUMNS:
            raise StrataError(f"{self.path}: {len(names):,} columns, more than {MOST_COLUMNS:,}; leave some out")
        if odd := [name for name in names if values.unusable({"": name})]:
            raise StrataError(f"{self.path}: a column's name is no text: {values.printable(odd[0])!r}; rename it")
        if taken := set(PLACE) & set(names):
            raise StrataError(f"{self.path}: a column is called {taken.pop()}, which Strata needs; rename it")
        if len(set(names)) < len(names):
            twice = ", ".join(name for name, count in Counter(names).items() if count > 1)
            raise StrataError(f"{self.path}: several columns have one name: {twice}; rename all but one")

    def _reject(self, line: int, reason: str, raw: str) -> None:
        self.rejects.append({"file": self.name, "line": line, "reason": reason, "raw": values.printable(raw)})

    def _unreadable(self, error: Exception) -> StrataError:
        words = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return StrataError(f"{self.path}: not a readable {self.suffix[1:].upper()} file: {words}; mend or replace it")


def _chunk(rows: Iterator[Row]) -> list[Row]:
    """Take rows until there are BATCH of them or BATCH_SIZE characters."""
    chunk, size = [], 0
    for row in itertools.islice(rows, BATCH):
        chunk.append(row)
        size += len(row[3]) + sum(len(value) for value in (row[1] or {}).values() if type(value) is str)
        if size > BATCH_SIZE:
            break
    return chunk


def _holds_nul(column: pa.StringArray) -> bool:
    return any(buffer is not None and b"\0" in buffer.to_pybytes() for buffer in column.buffers()[2:])
