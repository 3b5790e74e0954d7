"""An explanation as a terminal shows it: the text with the words that carry the answer in colour."""

from collections.abc import Mapping, Sequence
from typing import Any

from strata.base.printable import printable

FOR, AGAINST, END = "\x1b[32m", "\x1b[31m", "\x1b[0m"  # green, red
BOLD = "\x1b[1m"
STRONG, SHOWN = 0.5, 0.15  # of the largest weight: from here on a word is bold, and has a colour
LISTED = 5  # words with their weights


def coloured(explanation: Mapping[str, Any]) -> str:
    """Return the answer, the text, and the words with the largest weights, a line each.

    explanation: as `Occlusions.explanation` returns it. Words for the label are green, words against it red.
    """
    words = explanation["words"]
    if explanation["probability"] is None:
        return "no text"
    largest = max((abs(word["weight"]) for word in words), default=0)
    label = explanation["label"]
    answer = f"not sure, likeliest {explanation['explained']}" if label is None else label
    heavy = sorted(words, key=lambda word: -abs(word["weight"]))[:LISTED]
    listed = ", ".join(f"{_flat(word['word'])} {word['weight']:+.2f}" for word in heavy)
    return f"{printable(answer)} {explanation['probability']:.1%}\n{_text(explanation, words, largest)}\n{listed}"


def _text(explanation: Mapping[str, Any], words: Sequence[Mapping[str, Any]], largest: float) -> str:
    text, parts, place = explanation["text"], [], 0
    for word in words:
        parts += [_flat(text[place : word["start"]]), _painted(word, largest)]
        place = word["end"]
    return "".join([*parts, _flat(text[place:])])


def _painted(word: Mapping[str, Any], largest: float) -> str:
    plain, weight = _flat(word["word"]), word["weight"]
    if not largest or abs(weight) < SHOWN * largest:
        return plain
    return f"{BOLD if abs(weight) >= STRONG * largest else ''}{FOR if weight > 0 else AGAINST}{plain}{END}"


def _flat(text: str) -> str:
    """Return text on one line, in which no character moves the cursor."""
    return printable(text.replace("\n", " "))
