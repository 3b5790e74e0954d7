"""Conversations that end with their label, as files for fine-tuning chat models have them, in `messages` or ShareGPT's
`conversations`: {messages: [{role: user, content: a fine film}, {role: assistant, content: positive}]}.
"""

from typing import Any

KEYS = {"messages": ("role", "content"), "conversations": ("from", "value")}
SYSTEM = ("system", "developer")
ANSWERS = ("assistant", "gpt", "model")


def is_row(row: dict[str, Any]) -> bool:
    turns = _turns(row)
    return len(turns) > 1 and turns[-1][0] in ANSWERS


def flat(row: dict[str, Any]) -> dict[str, Any] | None:
    """Return the last answer as the label, and what was said before it, without instructions, as the text."""
    if not is_row(row):
        return None
    *before, (_, label) = _turns(row)
    return {"text": "\n".join(words for role, words in before if role not in SYSTEM), "label": label}


def _turns(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return who said what in a row's conversation, none where it has another form."""
    for key, (role, words) in KEYS.items():
        turns = row.get(key)
        if isinstance(turns, list) and turns and all(isinstance(turn, dict) for turn in turns):
            said = [(turn.get(role), turn.get(words)) for turn in turns]
            return said if all(isinstance(part, str) for turn in said for part in turn) else []
    return []
