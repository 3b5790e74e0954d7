"""Prodigy's JSONL: {text, answer, label} for accepted and rejected labels, {text, options, accept, answer} for choices.

https://prodi.gy/docs/api-interfaces. Choices that were not accepted are left out, as is all that was ignored. A choice
by number is named by its option's text. The spans of ner_manual are refused; beside a label, they only explain it.
"""

from typing import Any

from strata.reading.batch import UnreadableFile
from strata.reading.exports.label_studio import one
from strata.reading.unread_formats import MARKED_PARTS

ANSWERS = ("accept", "reject", "ignore")
OF_TEXTS = ("accept", "label", "cats")
"""The keys of labels of whole texts."""


def is_row(row: dict[str, Any]) -> bool:
    return row.get("answer") in ANSWERS and any(key in row for key in ("_task_hash", "spans", *OF_TEXTS))


def flat(row: dict[str, Any]) -> dict[str, Any] | None:
    is_choice = isinstance(row.get("accept"), list)
    if row.get("answer") not in ANSWERS[:2] or (is_choice and (row["answer"] != "accept" or not row["accept"])):
        return None
    if isinstance(row.get("spans"), list) and not any(key in row for key in OF_TEXTS):
        raise UnreadableFile(MARKED_PARTS)
    columns = {name: value for name, value in row.items() if not name.startswith("_")}
    if not is_choice:
        return columns
    about = ("accept", "options", "answer", "config", "label")
    labels = [_name(choice, row.get("options")) for choice in row["accept"]]
    return {name: value for name, value in columns.items() if name not in about} | {"label": one(labels)}


def _name(choice: Any, options: Any) -> Any:
    """Return the text of the option with a number as its id; other choices are names themselves."""
    if not str(choice).isdecimal() or not isinstance(options, list):
        return choice
    texts = (option.get("text") for option in options if isinstance(option, dict) and option.get("id") == choice)
    return next((text for text in texts if isinstance(text, str) and text.strip()), choice)
