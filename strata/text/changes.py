"""Small changes to a text that leave its meaning: typing errors, case, a word less, two words swapped.

A change is a function of a text and a random generator. It returns the changed text, or None where it does not apply.
In scripts without spaces between words, each letter counts as a word.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from random import Random

from strata.text.scripts import NO_SPACES

EVERY = 10  # words; `changed` makes one change in that many

_LETTERS = re.compile(r"[^\W\d_]{4,}")  # four letters or more, so that two inner ones can be swapped
_WORDS = re.compile(rf"[{NO_SPACES}]|[^\s{NO_SPACES}]+")


def places_to_swap(text: str) -> list[int]:
    """Return the positions of all inner letters of words that differ from the letter after them."""
    words = _LETTERS.finditer(text)
    return [i for word in words for i in range(word.start() + 1, word.end() - 2) if text[i] != text[i + 1]]


def swapped(text: str, places: Iterable[int]) -> str:
    """Return the text with the characters at these positions and those after them swapped, one pair after the other."""
    letters = list(text)
    for i in places:
        letters[i], letters[i + 1] = letters[i + 1], letters[i]
    return "".join(letters)


def typo(text: str, random: Random) -> str | None:
    """Swap two different neighbouring letters inside a word, leave one out, or write it twice."""
    places = places_to_swap(text)
    if not places:
        return None
    i, kind = random.choice(places), random.choice(("swapped", "left out", "twice"))
    if kind == "swapped":
        return swapped(text, [i])
    return text[:i] + (text[i] * 2 if kind == "twice" else "") + text[i + 1 :]


def case(text: str, random: Random) -> str | None:
    """Write one word in capitals, or in lower case if it begins with a capital. None in scripts without case."""
    words = [word for word in _WORDS.finditer(text) if word[0].upper() != word[0].lower()]
    if not words:
        return None
    word = random.choice(words)
    other = word[0].lower() if word[0] != word[0].lower() else word[0].upper()
    return text[: word.start()] + other + text[word.end() :]


def drop(text: str, random: Random) -> str | None:
    """Leave out one word of three or more, with the space before it."""
    words = list(_WORDS.finditer(text))
    if len(words) < 3:
        return None
    i = random.randrange(len(words))
    start = words[i - 1].end() if i else 0
    return (text[:start] + text[words[i].end() :]).lstrip()


def swap(text: str, random: Random) -> str | None:
    """Swap two neighbouring words; what is between them stays."""
    words = list(_WORDS.finditer(text))
    pairs = [(one, other) for one, other in itertools.pairwise(words) if one[0] != other[0]]
    if not pairs:
        return None
    one, other = random.choice(pairs)
    between = text[one.end() : other.start()]
    return text[: one.start()] + other[0] + between + one[0] + text[other.end() :]


KINDS: dict[str, Callable[[str, Random], str | None]] = {kind.__name__: kind for kind in (typo, case, drop, swap)}


def changed(text: str, kinds: Sequence[str], random: Random) -> str:
    """Return a text after one change in EVERY words, at least one, each of a random kind of those that apply.

    kinds: of KINDS. A text that none applies to is returned as it is.
    """
    for _ in range(max(1, len(_WORDS.findall(text)) // EVERY)):
        results = (KINDS[kind](text, random) for kind in random.sample(list(kinds), len(kinds)))
        text = next((result for result in results if result is not None), text)
    return text
