"""The rows of one JSON object of columns, as pandas' to_json() writes it."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

from strata.reading.batch import UnreadableFile
from strata.reading.row_batches import Row

MOST = 2 * 1024 * 1024 * 1024  # bytes, since the file is held in memory


def column_rows(content: bytes) -> Iterator[Row]:
    """Yield the rows of {column: {index: value}} or {column: [values]}.

    Raises: UnreadableFile when the content is too long, not JSON, or of another layout.
    """
    if len(content) > MOST:
        raise UnreadableFile(f"an object of columns of more than {MOST:,} bytes; write one object a line")
    try:
        columns = json.loads(content, parse_constant=lambda _: None)
    except ValueError as error:
        raise UnreadableFile(f"neither an object a line nor one object of columns: {error}") from None
    _check_columns(columns)
    if any(isinstance(column, list) for column in columns.values()):
        columns = {name: dict(enumerate(column)) for name, column in columns.items()}
    for position, key in enumerate(dict.fromkeys(itertools.chain(*columns.values())), 1):
        yield position, {name: column.get(key) for name, column in columns.items()}, None, ""


def _check_columns(columns: Any) -> None:
    """Raise UnreadableFile when a JSON value is not an object of columns."""
    if not isinstance(columns, dict) or not all(isinstance(column, dict | list) for column in columns.values()):
        raise UnreadableFile("one object over several lines, whose values are no columns; write an array of objects")
    if columns.keys() == {"columns", "index", "data"}:
        raise UnreadableFile("pandas' orient='split', which is not read; write it with orient='records'")
    if all(name == str(i) and isinstance(row, dict) for i, (name, row) in enumerate(columns.items())) and not all(
        key.isdigit() for row in columns.values() for key in row
    ):
        raise UnreadableFile("pandas' orient='index', which is not read; write it with orient='records'")
    types = {type(column) for column in columns.values()}
    if len(types) != 1 or (types == {list} and len({len(column) for column in columns.values()}) != 1):
        raise UnreadableFile("its columns differ in kind or length")
    for name, column in columns.items():
        if isinstance(column, list) and any(isinstance(value, dict) for value in column):
            raise UnreadableFile(f"its key {name!r} holds a list of objects; save that list alone")
