"""FiftyOne's samples: fields such as {_cls: Classification, label: spam}."""

from typing import Any

CLASS, KIND = "_cls", "Classification"


def is_row(row: dict[str, Any]) -> bool:
    return any(map(_is_classification, row.values()))


def flat(row: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in row.items() if not name.startswith("_")}
    return {name: value.get("label") if _is_classification(value) else value for name, value in fields.items()}


def _is_classification(value: Any) -> bool:
    return isinstance(value, dict) and value.get(CLASS) == KIND
