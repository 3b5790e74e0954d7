"""Why some values cannot be text, and what is kept of them."""

import json
import re
from typing import TYPE_CHECKING, Any

from strata.base.as_text import as_text

if TYPE_CHECKING:
    import pyarrow as pa

INVALID = "invalid bytes"
"""The reason of a row that its file's encoding does not explain."""

_SURROGATE = re.compile("[\ud800-\udfff]")  # stands for a byte that cannot be decoded


def unusable(row: dict[str, Any]) -> str | None:
    """Return why a row has a value that cannot be text, or None."""
    for value in row.values():
        try:
            text = as_text(value) or ""
        except RecursionError:
            return "nested too deeply"
        if not text.isascii() and _SURROGATE.search(text):
            return INVALID
        if "\0" in text:
            return "NUL byte"
    return None


def holds_nul(column: "pa.StringArray") -> bool:
    """Return whether one of a column's texts contains a NUL byte."""
    if not len(column):  # Arrow leaves the buffers of an empty column uninitialised
        return False
    return any(buffer is not None and b"\0" in buffer.to_pybytes() for buffer in column.buffers()[2:])


def raw(row: dict[str, Any]) -> str:
    """Return a row as JSON, for the rejects, without values that are nested too deeply."""
    try:
        return printable(json.dumps(row, ensure_ascii=False, default=float))
    except RecursionError:
        return raw({name: "..." if isinstance(value, dict | list) else value for name, value in row.items()})


def printable(text: str) -> str:
    """Return text with a replacement character for each byte that could not be decoded."""
    return _SURROGATE.sub("\ufffd", text)
