"""Utterances in pieces, of which some are slots: {data: [{text: "play "}, {text: jazz, entity: genre}]}.

Snips' benchmark and Dialogflow's user says have them. The file's name is the label: source {label}.json.
"""

from typing import Any


def is_row(row: dict[str, Any]) -> bool:
    pieces = row.get("data")
    return isinstance(pieces, list) and bool(pieces) and all(map(_is_piece, pieces))


def flat(row: dict[str, Any]) -> dict[str, Any] | None:
    return {"text": "".join(piece["text"] for piece in row["data"])} if is_row(row) else None


def _is_piece(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("text"), str)
