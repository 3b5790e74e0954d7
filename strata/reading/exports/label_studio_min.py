"""Label Studio's JSON-MIN: flat rows with who annotated them, in which several choices are {choices: [...]}."""

from typing import Any

from strata.reading.exports.label_studio import one

ABOUT = {"annotator", "annotation_id", "created_at", "updated_at", "lead_time"}
"""Columns about the annotation, which are left out."""


def is_row(row: dict[str, Any]) -> bool:
    return {"annotator", "annotation_id", "lead_time"} <= row.keys()


def flat(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: one(value["choices"]) if isinstance(value, dict) and isinstance(value.get("choices"), list) else value
        for name, value in row.items()
        if name not in ABOUT
    }
