"""Lines that begin with their label, as fastText and the TREC questions have them: the forms, and how to tell them."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

MARK = "__label__"
SHARE = 0.95  # of the sample's lines, at least, must be of the form
MOST_LABELS = 200
_FASTTEXT = re.compile(rf"(?:^|(?<=[\s,])){MARK}(\S+)[\s,]*")
_PATTERNS = {
    "LABEL:sub text": r"([A-Z][A-Z0-9_]*):([A-Za-z0-9_]+) +(\S.*)",
    "LABEL text": r"([A-Z][A-Z0-9_]+) +(\S.*)",
    "label: text": r"([\w-]{2,30}): +(\S.*)",
    "number text": r"(-?\d{1,2}) +(\S.*)",
    "word text": r"(?i)(pos(?:itive)?|neg(?:ative)?|neu(?:tral)?|ham|spam) +(\S.*)",
}


class LabelFirst(NamedTuple):
    """A form of lines, and how a line of it becomes a row: None where it is not of the form."""

    description: str
    row: Callable[[str], dict[str, str] | None]


def find_form(sample: list[str]) -> LabelFirst | None:
    """Return the form that a file's first lines have, or None.

    fastText's mark is plain. Of the others, nearly all lines must match, and few labels stand in them that come again;
    where lines are parted by tabs, they are delimited text.
    """
    lines = [line for line in sample if line.strip()]
    least = SHARE * len(lines)
    if sum(_FASTTEXT.search(line) is not None for line in lines) >= max(least, 1):
        return LabelFirst(f"{MARK}LABEL text, as fastText has it", _fasttext_row)
    if sum("\t" in line for line in lines) > len(lines) / 2:
        return None
    for name, pattern in _PATTERNS.items():
        matches = [match for line in lines if (match := re.fullmatch(pattern, line.strip()))]
        labels = Counter(match[1] for match in matches)
        come_again = sum(count for count in labels.values() if count > 1)
        few = 2 <= len(labels) <= min(MOST_LABELS, max(2, len(lines) // 4))
        if come_again >= max(least, 4) and few:
            return LabelFirst(name, _pattern_row(re.compile(pattern)))
    return None


def _fasttext_row(line: str) -> dict[str, str] | None:
    labels = [label.strip(",") for label in _FASTTEXT.findall(line)]
    if not labels:
        return None
    label = labels[0] if len(labels) == 1 else json.dumps(labels, ensure_ascii=False)
    return {"label": label, "text": _FASTTEXT.sub("", line).strip(" \t\r\n,")}


def _pattern_row(pattern: re.Pattern) -> Callable[[str], dict[str, str] | None]:
    def row(line: str) -> dict[str, str] | None:
        match = pattern.fullmatch(line.strip())
        if not match:
            return None
        if pattern.groups == 3:
            return {"label": match[1], "sublabel": f"{match[1]}:{match[2]}", "text": match[3]}
        return {"label": match[1], "text": match[2]}

    return row
