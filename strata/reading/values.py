"""Values as text, in the one spelling that every format shares, and those that cannot be text."""

import json
import math
import re
from decimal import Decimal
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")  # what stands for a byte that cannot be decoded


def as_text(value: Any) -> str | None:
    """A value as text: true, 1.5, JSON for lists and objects; None for null and NaN. Raises: RecursionError."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return str(float(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=float)
    return str(value)


def unusable(row: dict[str, Any]) -> str | None:
    """Why a row's values cannot be kept as text, or None."""
    for value in row.values():
        try:
            text = as_text(value) or ""
        except RecursionError:
            return "nested too deeply"
        if not text.isascii() and _SURROGATE.search(text):
            return "invalid bytes"
        if "\0" in text:
            return "NUL byte"
    return None


def raw(row: dict[str, Any]) -> str:
    """A row as JSON, for the rejects; what is nested too deeply is left out."""
    try:
        return printable(json.dumps(row, ensure_ascii=False, default=float))
    except RecursionError:
        return raw({name: "..." if isinstance(value, dict | list) else value for name, value in row.items()})


def printable(text: str) -> str:
    """Text with a replacement character for each byte that could not be decoded."""
    return _SURROGATE.sub("\ufffd", text)
