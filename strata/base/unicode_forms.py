"""Unicode's normal forms in time that grows with the text."""

import re
import unicodedata

MOST_MARKS = 1000  # combining marks in a row; sorting them takes time that grows with their square
JOINER = "\u034f"  # sorts nothing past it, as in the Stream-Safe Text Format, https://unicode.org/reports/tr15/

_LONG_RUN = re.compile(rf"[^\x00-\u02ff]{{{MOST_MARKS}}}")


def normalized(form: str, text: str) -> str:
    """Return text in a normal form such as NFC. In longer runs of marks, a joiner follows each MOST_MARKS."""
    return unicodedata.normalize(form, _joined(text) if not text.isascii() and _LONG_RUN.search(text) else text)


def _joined(text: str) -> str:
    parts, run = [], 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        parts.append(character)
        if run == MOST_MARKS:
            parts.append(JOINER)
            run = 0
    return "".join(parts)
