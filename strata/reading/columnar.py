"""Arrow's record batches as batches of text columns, for the formats that hold typed columns."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from strata.base.as_text import as_text
from strata.reading import values
from strata.reading.batch import Batch, Reject, check_names
from strata.reading.class_names import class_names, named
from strata.reading.encoding import is_utf8
from strata.reading.objects import flat_columns

BATCH = 10_000  # rows
LONGEST = 16 * 1024 * 1024  # bytes of a value; a row with a longer one is rejected
LONGEST_RAW = 1_000_000  # characters of a rejected row


def text_batches(path: Path, batches: Iterable[pa.RecordBatch]) -> Iterator[Batch]:
    """Turn a file's record batches into text. Raises: as `check_names`."""
    first = 1
    for batch in batches:
        check_names(path, batch.schema.names)
        columns, held = flat_columns(dict(zip(batch.schema.names, batch.columns, strict=True)))
        check_names(path, list(columns))
        yield _text_batch(columns, class_names(batch.schema), first)._replace(objects=held)
        first += batch.num_rows


def _text_batch(typed_columns: dict[str, pa.Array], names: dict[str, list[str]], first: int) -> Batch:
    """Turn columns into text. names: as from `class_names`. first: the position of their first row in the file."""
    columns, reasons = [], {}
    for name, column in typed_columns.items():
        typed, unnamed = named(column, names[name]) if name in names else (column, {})
        text, undecodable = text_column(typed)
        reasons |= unnamed
        columns.append(pc.if_else(pc.equal(text, ""), None, text))
        reasons |= dict.fromkeys(undecodable, values.INVALID)
    reasons = _unusable(columns) | reasons
    table = pa.table(columns, names=list(typed_columns))
    lines = pa.array(range(first, first + len(table)), pa.int64())
    nested = [name for name, column in typed_columns.items() if pa.types.is_nested(column.type)]
    if not reasons:
        return Batch(table, lines, [], nested, len(table), names)
    rejects = [
        Reject(first + i, reasons[i], values.raw(table.slice(i, 1).to_pylist()[0])[:LONGEST_RAW])
        for i in sorted(reasons)
    ]
    readable = pa.array([i not in reasons for i in range(len(table))])
    return Batch(table.filter(readable), lines.filter(readable), rejects, nested, len(table), names)


def _unusable(columns: list[pa.Array]) -> dict[int, str]:
    """Return why rows are rejected that hold too long a text or a NUL byte, by position in the batch."""
    reasons = {}
    for column in columns:
        too_long = pc.greater(pc.binary_length(column), LONGEST)
        if pc.any(too_long).as_py():
            reason = f"longer than {LONGEST:,} bytes"
            reasons |= {i: reason for i, is_longer in enumerate(too_long.to_pylist()) if is_longer}
    for column in filter(values.holds_nul, columns):
        has_nul = pc.match_substring(column, "\0").to_pylist()
        reasons |= {i: "NUL byte" for i, is_match in enumerate(has_nul) if is_match}
    return reasons


def text_column(column: pa.Array) -> tuple[pa.Array, set[int]]:
    """Return a column as text, and the positions of values that are not UTF-8.

    NaN becomes null; lists and structs become JSON.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        return pa.array([as_text(value) for value in column.to_pylist()], pa.string()), set()
    if pa.types.is_floating(column.type):
        # like Python, JSON and CSV, numpy writes the fewest digits that identify the number
        texts = pa.array(column.fill_null(math.nan).to_numpy(zero_copy_only=False).astype(str), pa.string())
        return pc.if_else(pc.equal(texts, "nan"), None, texts), set()
    undecodable = _undecodable(column)
    if undecodable:
        column = pc.if_else(pa.array([i not in undecodable for i in range(len(column))]), column, None)
    return column.cast(pa.string()), undecodable


def _undecodable(column: pa.Array) -> set[int]:
    """Return the positions whose bytes are not UTF-8, in a column of bytes or of text."""
    type_ = column.type
    if not (pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or _is_text(type_)):
        return set()
    content = column.cast(pa.large_binary())
    try:
        content.cast(pa.large_string())
        return set()
    except pa.ArrowInvalid:
        return {i for i, value in enumerate(content.to_pylist()) if value is not None and not is_utf8(value)}


def _is_text(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
