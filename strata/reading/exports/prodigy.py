"""Prodigy's JSONL: {text, answer, label} for accepted and rejected labels, {text, options, accept, answer} for choices.

https://prodi.gy/docs/api-interfaces. Choices that were not accepted are left out, as is all that was ignored.
"""

from typing import Any

from strata.reading.exports.label_studio import one

ANSWERS = ("accept", "reject", "ignore")


def is_row(row: dict[str, Any]) -> bool:
    return row.get("answer") in ANSWERS and ("_task_hash" in row or "accept" in row or "label" in row)


def flat(row: dict[str, Any]) -> dict[str, Any] | None:
    is_choice = isinstance(row.get("accept"), list)
    if row.get("answer") not in ANSWERS[:2] or (is_choice and (row["answer"] != "accept" or not row["accept"])):
        return None
    columns = {name: value for name, value in row.items() if not name.startswith("_")}
    if not is_choice:
        return columns
    about = ("accept", "options", "answer", "config", "label")
    return {name: value for name, value in columns.items() if name not in about} | {"label": one(row["accept"])}
