"""Rows of a text format, one mapping each, gathered into batches of text columns."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from strata.base.as_text import as_text
from strata.reading import values
from strata.reading.batch import Batch, Reject, check_names
from strata.reading.objects import Objects

BATCH = 10_000  # rows
BATCH_SIZE = 64 * 1024 * 1024  # characters

Row = tuple[int, dict[str, Any] | None, str | None, str]
"""(line, values by column, None, raw text) of a row, or (line, None, reason, raw text) of one that cannot be read."""


def row_batches(path: Path, rows: Iterator[Row]) -> Iterator[Batch]:
    """Yield the rows in batches. Columns may be added from one batch to the next. Raises: as `check_names`."""
    names: dict[str, None] = {}
    objects = Objects()
    while chunk := _chunk(rows):
        rejects = [Reject(line, reason, raw) for line, row, reason, raw in chunk if row is None]
        numbered = [(line, row) for line, row, _, _ in chunk if row is not None]
        texts = [text for _, row, _, text in chunk if row is not None]
        flat, held = objects.flat([row for _, row in numbered])
        numbered = list(zip((line for line, _ in numbered), flat, strict=True))
        for row in flat:
            if row.keys() - names.keys():
                names |= dict.fromkeys(row)
        check_names(path, list(names))
        columns, nested = _text_columns(names, numbered)
        if columns is None:
            reasons = [values.unusable(row) for _, row in numbered]
            checked = list(zip(numbered, texts, reasons, strict=True))
            rejects += [
                Reject(line, reason, text or values.raw(row)) for (line, row), text, reason in checked if reason
            ]
            numbered = [row for row, _, reason in checked if not reason]
            columns, nested = _text_columns(names, numbered)
        lines = pa.array([line for line, _ in numbered], pa.int64())
        yield Batch(pa.table(columns, names=list(names)), lines, rejects, nested, len(chunk), objects=held)


def _text_columns(
    names: Iterable[str], numbered: list[tuple[int, dict[str, Any]]]
) -> tuple[list[pa.Array] | None, list[str]]:
    """Return the rows' values as text by column, and which columns hold lists or objects.

    numbered: (line, row) each. The columns are None if a row has a value that cannot be text: see `values.unusable`.
    """
    columns, nested = [], []
    try:
        for name in names:
            column = [row.get(name) for _, row in numbered]
            types = {type(value) for value in column}
            if types != {str}:
                column = [as_text(value) for value in column]
            if types & {dict, list}:
                nested.append(name)
            text = pa.array(column, pa.string())
            columns.append(pc.if_else(pc.equal(text, ""), None, text))
    except (UnicodeEncodeError, RecursionError):
        return None, []
    return (None, []) if any(map(values.holds_nul, columns)) else (columns, nested)


def _chunk(rows: Iterator[Row]) -> list[Row]:
    """Take rows until there are BATCH of them or BATCH_SIZE characters."""
    chunk, size = [], 0
    for row in itertools.islice(rows, BATCH):
        chunk.append(row)
        size += len(row[3]) + sum(len(value) for value in (row[1] or {}).values() if type(value) is str)
        if size > BATCH_SIZE:
            break
    return chunk
