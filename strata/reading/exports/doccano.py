"""doccano's JSONL of old versions, {text, annotations: [{label: 1}]}; the spans of its other projects are refused.

Newer ones, {text, label: [...]}, are rows as they are.

https://doccano.github.io/doccano
"""

from typing import Any

from strata.reading.batch import UnreadableFile
from strata.reading.exports.label_studio import one
from strata.reading.unread_formats import MARKED_PARTS

KEYS = ("label", "labels")


def is_row(row: dict[str, Any]) -> bool:
    return isinstance(row.get("text", row.get("data")), str) and (_is_old(row) or _marks_spans(row))


def flat(row: dict[str, Any]) -> dict[str, Any]:
    if _marks_spans(row):
        raise UnreadableFile(MARKED_PARTS)
    columns = {name: value for name, value in row.items() if name != "annotations"}
    return (
        columns | {"label": one([about.get("label") for about in row.get("annotations", [])])} if _is_old(row) else row
    )


def _is_old(row: dict[str, Any]) -> bool:
    annotations = row.get("annotations")
    return isinstance(annotations, list) and all(isinstance(about, dict) and "label" in about for about in annotations)


def _marks_spans(row: dict[str, Any]) -> bool:
    """Tell whether the labels are lists of a start, an end and a label."""
    labels = next((row[key] for key in KEYS if isinstance(row.get(key), list)), [])
    return bool(labels) and all(
        isinstance(label, list) and len(label) == 3 and isinstance(label[0], int) and isinstance(label[2], str)
        for label in labels
    )
