"""One source file of any format as a stream of text columns, parsed by DuckDB."""

import csv
import glob
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from stages.shared.command import StageError

LONGEST = 16 * 1024 * 1024  # bytes of a row; a longer one is rejected


class SourceFile:
    """One source file as a stream of text columns, with the rows that could not be read."""

    def __init__(self, path: Path):
        self.path = path
        self.rejects: list[dict] = []
        self._db = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        formats = {".csv": self._csv, ".tsv": self._csv, ".parquet": self._parquet}
        formats |= dict.fromkeys((".json", ".jsonl", ".ndjson"), self._json)
        if path.suffix.lower() not in formats:
            raise StageError(f"{path}: unknown format {path.suffix!r}; allowed: {', '.join(sorted(formats))}")
        try:
            # name of each column -> the SQL that gives it as text, out of the table or function `_from`
            self.columns, self._from = formats[path.suffix.lower()]()
        except duckdb.Error as error:
            raise self._unreadable(error) from None
        if not self.columns:
            raise StageError(
                f"{path}: its columns hold only lists or objects; give one plain value a cell "
                "(pandas: orient='records')"
            )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the readable rows in the file's order; afterwards `rejects` is complete."""
        selected = ", ".join(f"{sql} AS {_identifier(name)}" for name, sql in self.columns.items())
        try:
            yield from self._db.sql(f"SELECT {selected} FROM {self._from}").to_arrow_reader(10_000)
            if self.path.suffix.lower() in (".csv", ".tsv"):
                self._collect_csv_rejects()
        except (duckdb.Error, pa.ArrowException) as error:
            raise self._unreadable(error) from None

    def _query(self, sql: str) -> list[tuple]:
        """Run SQL to its end; an unfinished result would block the connection."""
        return self._db.execute(sql).fetchall()

    def _csv(self) -> tuple[dict[str, str], str]:
        self._refuse_nul_bytes()
        delimiter = "\t" if self.path.suffix.lower() == ".tsv" else ","
        try:
            # bytes of later rows may be wrong here, and are for DuckDB to reject row by row
            with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
                header = next(csv.reader(lines, delimiter=delimiter), [])
        except csv.Error as error:
            raise self._unreadable(error) from None
        other = next((mark for mark in ";\t|" if mark in header[0]), None) if len(header) == 1 else None
        if other:
            raise StageError(
                f"{self.path}: its first line is one column, {header[0]!r}; if {other!r} parts its columns, save it "
                "with commas, or with tabs as .tsv"
            )
        # pandas writes its index under an empty name
        if not header:
            raise StageError(f"{self.path}: its first line is empty; the first line must name the columns")
        header = [name.strip() or f"column_{i}" for i, name in enumerate(header, 1)]
        self._check_names(header)
        types = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in header)
        function = (
            f"read_csv({_path(self.path)}, auto_detect=false, header=true, delim={_literal(delimiter)}, quote='\"', "
            f"escape='\"', columns={{{types}}}, store_rejects=true, max_line_size={LONGEST})"
        )
        return {name: _identifier(name) for name in header}, function

    def _parquet(self) -> tuple[dict[str, str], str]:
        function = f"read_parquet({_path(self.path)}, binary_as_string=true)"
        described = self._query(f"DESCRIBE SELECT * FROM {function}")
        self._check_names([name for name, *_ in described])
        nested = {
            name for name, kind, *_ in described if kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")
        }
        self._leave_out(nested)
        columns = {}
        for name, kind, *_ in described:
            text = f"CAST({_identifier(name)} AS VARCHAR)"
            if kind in ("FLOAT", "DOUBLE"):  # pandas writes a missing number as NaN
                text = f"CASE WHEN NOT isnan({_identifier(name)}) THEN {text} END"
            if name not in nested:
                columns[name] = text
        return columns, function

    def _json(self) -> tuple[dict[str, str], str]:
        """JSON Lines, or an array of objects: whichever the first character says."""
        self._refuse_nul_bytes()
        with self.path.open("rb") as content:
            start = content.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
            content.seek(max(0, self.path.stat().st_size - 4096))
            end = content.read().rstrip()
        if start.startswith(b"["):
            if not end.endswith(b"]"):  # DuckDB takes an array that was cut off between two objects for whole
                raise self._unreadable(ValueError("the array has no closing bracket"))
            options = f"format='array', maximum_object_size={LONGEST}"
            reader = f"SELECT json AS line FROM read_json_objects({_path(self.path)}, {options})"
        else:
            reader = (
                f"SELECT line FROM read_csv({_path(self.path)}, auto_detect=false, header=false, delim='', quote='', "
                "escape='', columns={'line': 'VARCHAR'}, store_rejects=true, strict_mode=false, "
                f"max_line_size={LONGEST})"
            )
        self._query(f"CREATE TABLE lines AS SELECT row_number() OVER () AS number, line FROM ({reader})")
        self._query("DELETE FROM lines WHERE line IS NULL OR trim(line) = ''")
        is_object = "(json_valid(line) AND json_type(CASE WHEN json_valid(line) THEN line ELSE 'null' END) = 'OBJECT')"
        bad = self._query(f"SELECT number, line FROM lines WHERE NOT {is_object} ORDER BY number")
        self.rejects += [self._reject(number, "not a JSON object", raw) for number, raw in bad]
        self._query(f"CREATE TABLE objects AS SELECT number, line FROM lines WHERE {is_object}; DROP TABLE lines")
        keys = self._query(
            "SELECT key FROM (SELECT number, unnest(json_keys(line)) AS key FROM objects) "
            "GROUP BY key ORDER BY min(number), key"
        )
        names = [key for (key,) in keys]
        self._collect_csv_rejects()
        if not names:
            found = "no row"
            if self.rejects:
                first = min(self.rejects, key=lambda reject: reject["line"])
                found = f"line {first['line']}, {first['reason']}: {(first['raw'] or '').strip()[:40]!r}"
            raise StageError(
                f"{self.path}: no JSON object found, but {found}; an array of objects, or one object a line, is wanted"
            )
        self._check_names(names)
        shape = json.dumps(dict.fromkeys(names, "JSON"), ensure_ascii=False)
        rows = f"(SELECT number, json_transform(line, {_literal(shape)}) AS object FROM objects)"
        values = {name: f"object[{_literal(name)}]" for name in names}
        nested = set()
        for name, value in values.items():
            is_nested = f"json_type({value}) IN ('ARRAY', 'OBJECT')"
            ((count, flat, first),) = self._query(
                f"SELECT count(*) FILTER ({is_nested}), count({value}) FILTER (NOT {is_nested}), "
                f"min(number) FILTER ({is_nested}) FROM {rows}"
            )
            if count and flat:
                raise StageError(
                    f"{self.path}, row {first}: column {name!r} holds a list or an object, elsewhere plain values; "
                    "make it one or the other"
                )
            if count:
                nested.add(name)
        self._leave_out(nested)
        return {name: f"{value} ->> '$'" for name, value in values.items() if name not in nested}, rows

    def _refuse_nul_bytes(self) -> None:
        """Raise: StageError when the file starts as UTF-16 does, every other byte NUL."""
        with self.path.open("rb") as content:
            if b"\0" in content.read(256):
                raise StageError(f"{self.path}: NUL bytes in its first line, as in UTF-16; save it as UTF-8")

    def _check_names(self, names: list[str]) -> None:
        counts = Counter(name.lower() for name in names)
        twice = [name for name in names if counts[name.lower()] > 1]
        if twice:
            raise StageError(
                f"{self.path}: columns of one name: {', '.join(twice)}; names must differ in more than case"
            )
        if not names:
            raise StageError(f"{self.path}: it has no columns")

    def _leave_out(self, nested: set[str]) -> None:
        for name in sorted(nested):
            print(f"ingest: {self.path.name}: column {name!r} holds lists or objects, left out")

    def _collect_csv_rejects(self) -> None:
        """Fetch what DuckDB's CSV reader set aside, one entry a line."""
        stored = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'reject_errors'"
        if self._query(stored) != [(0,)]:
            rows = self._query(
                "SELECT line, min(error_type::VARCHAR), min(csv_line) FROM reject_errors GROUP BY line ORDER BY line"
            )
            for line, reason, raw in rows:
                swallowed = (raw or "").strip().count("\n")
                if swallowed:  # an open quote takes in all that follows; as one reject it would hide that loss
                    raise StageError(
                        f"{self.path}, line {line}: a quoted value is not closed, and takes in the {swallowed:,} lines "
                        "that follow; mend the quotes"
                    )
                self.rejects.append(self._reject(line, reason.lower(), raw))

    def _reject(self, line: int, reason: str, raw: str | None) -> dict:
        return {"file": self.path.name, "line": line, "reason": reason, "raw": raw}

    def _unreadable(self, error: Exception) -> StageError:
        kind = self.path.suffix[1:].upper()
        if "invalid state" in str(error):  # DuckDB's words for this
            return StageError(f"{self.path}: its line ends are mixed (\\r\\n, \\n, \\r); make them all one kind")
        return StageError(f"{self.path}: not a readable {kind} file: {str(error).splitlines()[0]}; mend or replace it")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _path(path: Path) -> str:
    return _literal(glob.escape(str(path)))
