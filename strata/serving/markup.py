"""What the page shows of an answer, as HTML out of templates. Whatever a user or a model wrote is escaped there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FAINT = 0.15  # of the largest weight; words below it are not marked
LEAST = 0.5  # log-odds that the darkest mark stands for, at least: where no word matters, none is dark
DARKEST = 0.55  # opacity

_TEMPLATES = Environment(
    autoescape=True,
    loader=FileSystemLoader(Path(__file__).parent),
    lstrip_blocks=True,
    trim_blocks=True,
    undefined=StrictUndefined,
)
_TEMPLATES.filters["percent"] = "{:.1%}".format


class Piece(NamedTuple):
    """Characters of a text. weight: of the word, or None where it is not marked. opacity: of its mark."""

    text: str
    weight: float | None = None
    opacity: float = 0.0


def filled(template: str, **values: object) -> str:
    """Return a template of this folder, filled."""
    return _TEMPLATES.get_template(template).render(values)


def error(sentence: str) -> str:
    """Return what stands where an answer cannot."""
    return filled("error.html.j2", sentence=sentence[:1].upper() + sentence[1:].rstrip(".") + ".")


def answer(given: Mapping, probabilities: Mapping[str, float]) -> str:
    """Return the label or "not sure", a bar for each label, and the text with its words marked.

    given: as from `Occlusions.explanation`. probabilities: of each label.
    """
    words = given["words"]
    end = words[-1]["end"] if words else 0
    return filled(
        "answer.html.j2",
        given=given,
        bars=sorted(probabilities.items(), key=lambda bar: -bar[1]),
        pieces=pieces(given["text"][:end], words),
        unread=given["text"][end:],
    )


def pieces(text: str, words: Sequence[Mapping]) -> list[Piece]:
    """Return a text in pieces: its words with their weights, and what stands between them.

    >>> [piece.text for piece in pieces("so dull .", [{"start": 3, "end": 7, "weight": 2.0}])]
    ['so ', 'dull', ' .']
    """
    largest = max([LEAST, *(abs(word["weight"]) for word in words)])
    made, position = [], 0
    for word in words:
        share = abs(word["weight"]) / largest
        made.append(Piece(text[position : word["start"]]))
        inside = text[word["start"] : word["end"]]
        made.append(Piece(inside, word["weight"], share * DARKEST) if share >= FAINT else Piece(inside))
        position = word["end"]
    return [piece for piece in (*made, Piece(text[position:])) if piece.text]
