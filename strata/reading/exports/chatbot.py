"""Intents of chat bots: {tag: greeting, patterns: [Hi, Hello], responses: [...]}, each pattern a row.

A pattern is a string, or an object with one, as Watson Assistant has it: {intent: greeting, examples: [{text: Hi}]}.
Rasa writes one string of lines, in which slots are marked: "- in [Rome](city)".
"""

import re
from typing import Any

NAMES = ("tag", "intent", "name")
TEXTS = ("patterns", "examples", "utterances")
LINE = re.compile(r"(?m)^ *- *(\S.*?) *$")
SLOT = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")


def is_row(row: dict[str, Any]) -> bool:
    texts = _texts(row)
    return _name(row) is not None and bool(texts) and all(isinstance(text, str) for text in texts)


def flat(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"text": text, "label": _name(row)} for text in _texts(row) or []]


def _name(row: dict[str, Any]) -> str | None:
    return next((row[key] for key in NAMES if isinstance(row.get(key), str)), None)


def _texts(row: dict[str, Any]) -> list | None:
    texts = next((row[key] for key in TEXTS if isinstance(row.get(key), list | str)), None)
    if isinstance(texts, str):
        return [SLOT.sub(r"\1", line) for line in LINE.findall(texts)]
    return texts and [text.get("text") if isinstance(text, dict) else text for text in texts]
