"""Changes to a text that should not change its label, or that should: typos, names, negation and others.

`typos`, `case` and `punctuation` work in every language with such letters; `names`, `sentence` and `negation` are
English. Each change is a function of a text and a random generator. It returns the changed text, or None where it does
not apply.
"""

import re
from collections.abc import Callable
from random import Random

import numpy as np

from strata.text.changes import places_to_swap, swapped

TYPO_EVERY = 10  # words; one pair of letters is swapped in that many, at least one in all

# frequent in the United States since 1950, without those that are also words or months; a name is replaced by one of
# its own list, so that "she" still fits
_WOMEN = (
    "Amanda Amy Angela Ashley Barbara Betty Carol Cynthia Deborah Donna Elizabeth Emily Emma Helen Jennifer Jessica "
    "Karen Kimberly Laura Linda Lisa Margaret Maria Mary Melissa Michelle Nancy Nicole Pamela Patricia Rebecca Ruth "
    "Sandra Sarah Sharon Stephanie Susan"
)
_MEN = (
    "Andrew Anthony Benjamin Brian Charles Christopher Daniel David Dennis Donald Edward Eric Gary George Gregory "
    "Jacob James Jason Jeffrey John Joseph Joshua Justin Kenneth Kevin Larry Matthew Michael Paul Richard Robert "
    "Ronald Ryan Samuel Stephen Steven Thomas Timothy William"
)
_NAME = re.compile(r"\b(?:" + "|".join(f"{_WOMEN} {_MEN}".split()) + r")\b", re.IGNORECASE)
_SENTENCES = (
    "It was a Tuesday.",
    "I wrote this in the afternoon.",
    "There are seven days in a week.",
    "My street has a number of houses.",
    "The year has twelve months.",
)
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|am|has|have|had|does|do|did|can|could|will|would|should|must|may|might)\b(?!['\u2019])",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:(is|are|was|were|am|has|have|had|does|do|did|can|could|will|would|should|must|may|might) not"
    r"|(is|are|was|were|has|have|had|does|do|did|could|would|should|must|ca|wo) ?n['\u2019]t|(can)not)\b",
    re.IGNORECASE,
)
_END = re.compile(r"\s*[.!?\u2026\u3002]+\s*$")


def typos(text: str, random: Random) -> str | None:
    """Swap two different neighbouring letters inside a word, once in every TYPO_EVERY words."""
    places = places_to_swap(text)
    if not places:
        return None
    changed = swapped(text, random.sample(places, min(len(places), max(1, len(text.split()) // TYPO_EVERY))))
    return changed if changed != text else None  # two swaps may cancel out


def case(text: str, random: Random) -> str | None:
    """Write the text in capitals, or in lower case if it is in capitals already."""
    changed = text.lower() if text.isupper() else text.upper()
    return changed if changed != text else None


def punctuation(text: str, random: Random) -> str | None:
    """Remove the final punctuation mark, or add a full stop if there is none."""
    if not text.strip():
        return None
    changed = _END.sub("", text)
    if changed == text:
        changed = text.rstrip() + "."
    return changed if changed.strip() else None


def names(text: str, random: Random) -> str | None:
    """Replace each English first name by another one, the same wherever it occurs, and in the same case."""
    if not _NAME.search(text):
        return None
    replacement = {}
    for listed in (_WOMEN.split(), _MEN.split()):
        random.shuffle(listed)
        replacement |= dict(zip(listed, [*listed[1:], listed[0]], strict=True))

    def replaced(match: re.Match) -> str:
        name = replacement.get(match[0].title(), match[0])  # a dotted capital I matches the pattern, but is no name
        return name.lower() if match[0].islower() else name.upper() if match[0].isupper() else name

    changed = _NAME.sub(replaced, text)
    return changed if changed != text else None


def sentence(text: str, random: Random) -> str | None:
    """Add a neutral sentence before or after the text, in lower case if the text is.

    After a text as long as the model reads, it is truncated and changes nothing.
    """
    if not text.strip():
        return None
    added, first = random.choice(_SENTENCES), random.random() < 0.5
    added = added.lower() if text.islower() else added
    return f"{added} {text}" if first else f"{text} {added}"


def negation(text: str, random: Random) -> str | None:
    """Remove the first "not" after an auxiliary verb, or add one after the first auxiliary verb."""
    changed, count = _NEGATED.subn(_affirmed, text, count=1)
    if not count:
        changed, count = _AUXILIARY.subn(lambda match: f"{match[0]} not", text, count=1)
    return changed if count else None


def _affirmed(match: re.Match) -> str:
    verb = match[1] or match[2] or match[3]
    return verb[0] + {"ca": "an", "wo": "ill"}.get(verb.lower(), verb[1:])


INVARIANCE: dict[str, Callable[[str, Random], str | None]] = {
    kind.__name__: kind for kind in (typos, case, punctuation, names, sentence)
}
DIRECTIONAL: dict[str, Callable[[str, Random], str | None]] = {"negation": negation}
KINDS = INVARIANCE | DIRECTIONAL
ENGLISH = ("names", "sentence", "negation")
"""The kinds that are for English texts only."""


def changed_texts(kind: str, texts: list[str], ids: np.ndarray, seed: int) -> list[str | None]:
    """Return each text with the change of a kind, None where it does not apply. ids: (rows,) int.

    The random generator is seeded with the seed, the kind and the row's id, so that a change does not depend on other
    rows. Raises: KeyError on an unknown kind.
    """
    change = KINDS[kind]
    return [change(text, Random(f"{seed}:{kind}:{row}")) for text, row in zip(texts, ids.tolist(), strict=True)]
