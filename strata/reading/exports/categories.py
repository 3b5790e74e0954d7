"""spaCy's categories: {text, cats: {POSITIVE: 1, NEGATIVE: 0}}. The label is the one that is set."""

from typing import Any

from strata.reading.exports.label_studio import one

KEY = "cats"


def is_row(row: dict[str, Any]) -> bool:
    cats = row.get(KEY)
    return isinstance(cats, dict) and bool(cats) and all(value in (0, 1) for value in cats.values())


def flat(row: dict[str, Any]) -> dict[str, Any]:
    cats = row.get(KEY) if isinstance(row.get(KEY), dict) else {}
    columns = {name: value for name, value in row.items() if name != KEY}
    return columns | {"label": one([name for name, value in cats.items() if value == 1])}
