"""Does a prediction stand when the text changes in ways that should not matter, and move when they should?

Invariance and directional tests as in Ribeiro et al., "Beyond Accuracy: Behavioral Testing of NLP Models with
CheckList", 2020. `typos`, `case` and `punctuation` work in every language that has such letters; `names`, `sentence`
and `negation` are English.

Each kind is a function of a text and a random generator that returns the changed text, or None where it does not apply.
The generator is drawn from the seed, the kind and the row's id, so that other rows decide nothing.
"""

import hashlib
import re
from collections.abc import Callable
from random import Random

import numpy as np
from scipy.stats import binomtest

from strata.annotation import annotated

TYPO_EVERY = 10  # words for each pair of letters that is swapped; at least one pair

# frequent in the United States since 1950, without those that are words or months as well; a name becomes one of its
# own list, so that "she" still fits
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
_WORD = re.compile(r"[^\W\d_]{4,}")  # four letters or more, so that the swapped ones are inside
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
    """Swap two different neighbouring letters inside a word, in one word of every TYPO_EVERY."""
    places = [
        i for word in _WORD.finditer(text) for i in range(word.start() + 1, word.end() - 2) if text[i] != text[i + 1]
    ]
    if not places:
        return None
    letters = list(text)
    for i in random.sample(places, min(len(places), max(1, len(text.split()) // TYPO_EVERY))):
        letters[i], letters[i + 1] = letters[i + 1], letters[i]
    changed = "".join(letters)
    return changed if changed != text else None  # two swaps may undo each other


def case(text: str, random: Random) -> str | None:
    """Write all in capitals, or in small letters what is in capitals already."""
    changed = text.lower() if text.isupper() else text.upper()
    return changed if changed != text else None


def punctuation(text: str, random: Random) -> str | None:
    """Drop the end mark, or set a full stop where there is none."""
    if not text.strip():
        return None
    changed = _END.sub("", text)
    if changed == text:
        changed = text.rstrip() + "."
    return changed if changed.strip() else None


def names(text: str, random: Random) -> str | None:
    """Give each English first name another one, the same one wherever it stands, in the case that it had."""
    if not _NAME.search(text):
        return None
    others = {}
    for listed in (_WOMEN.split(), _MEN.split()):
        random.shuffle(listed)
        others |= dict(zip(listed, [*listed[1:], listed[0]], strict=True))

    def other(match: re.Match) -> str:
        name = others.get(match[0].title(), match[0])  # a dotted capital I fits the pattern but not the list
        return name.lower() if match[0].islower() else name.upper() if match[0].isupper() else name

    changed = _NAME.sub(other, text)
    return changed if changed != text else None


def sentence(text: str, random: Random) -> str | None:
    """Add a sentence that says nothing of the matter, before or after the text, in small letters if the text is.

    Behind a text that fills the model's length it is cut off, and changes nothing.
    """
    if not text.strip():
        return None
    added, first = random.choice(_SENTENCES), random.random() < 0.5
    added = added.lower() if text.islower() else added
    return f"{added} {text}" if first else f"{text} {added}"


def negation(text: str, random: Random) -> str | None:
    """Take the first "not" behind an auxiliary away, or put one behind the first auxiliary."""
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


def changed_texts(kind: str, texts: list[str], ids: np.ndarray, seed: int) -> list[str | None]:
    """Change each text as `kind` does; None where it does not apply. ids: (rows,) int."""
    change = KINDS[kind]
    return [change(text, Random(f"{seed}:{kind}:{row}")) for text, row in zip(texts, ids.tolist(), strict=True)]


def chosen(ids: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Choose at most so many rows by a hash of seed and id, whatever their order: positions, ascending, (rows,) int.

    The same rows are chosen, but for those that are gone, when rows are added or removed elsewhere.
    """
    keys = [hashlib.blake2b(f"{seed}:{row}".encode(), digest_size=8).digest() for row in ids.tolist()]
    return np.sort(np.array(sorted(range(len(keys)), key=keys.__getitem__)[:most], dtype=np.int64))


def changed(
    before: np.ndarray, after: np.ndarray, decide: Callable[[np.ndarray], np.ndarray], unit: np.ndarray
) -> dict[str, float | int | None]:
    """Compare predictions. before, after: (rows, labels), probabilities of the same rows. decide: to (rows,) int. unit:
    (rows,) int, equal for rows that are not independent of each other.

    Returns: rows; changed, the share of them whose predicted label is another; changed_low and changed_high, its 95%
    Wilson interval, of units for rows; shift, by how much the probability of the label that was predicted before rises,
    on average. None without rows.
    """
    rows = len(before)
    if not rows:
        return {"rows": 0, "changed": None, "changed_low": None, "changed_high": None, "shift": None}
    predicted = decide(before)
    count = int((decide(after) != predicted).sum())
    units = len(np.unique(unit))
    interval = binomtest(round(count / rows * units), units).proportion_ci(method="wilson")
    moved = (after - before)[np.arange(rows), predicted]
    return {
        "rows": rows,
        "changed": count / rows,
        "changed_low": float(interval.low),
        "changed_high": float(interval.high),
        "shift": float(moved.mean()),
    }


def behaviour(
    texts: list[str],
    annotations: list[str | None],
    ids: np.ndarray,
    before: np.ndarray,
    predict: Callable[[list[str]], np.ndarray],
    decide: Callable[[np.ndarray], np.ndarray],
    unit: np.ndarray,
    most: int,
    seed: int,
) -> dict[str, dict[str, float | int | None]]:
    """Change the texts in each way and compare the predictions: for each of KINDS, what `changed` returns.

    For the kinds of INVARIANCE each changed prediction is a failure; for those of DIRECTIONAL, one may be wanted.

    texts, annotations: as in `annotated`; only the former change. ids: (rows,) int. before: (rows, labels),
    probabilities of the texts as they are. predict: from texts to probabilities, (rows, labels). decide: from
    those to labels, (rows,) int. unit: as in `changed`. most: rows of each kind, `chosen` among those that it applies
    to.
    """
    compared = {}
    for kind in KINDS:
        made = changed_texts(kind, texts, ids, seed)
        applied = np.array([i for i, text in enumerate(made) if text is not None], dtype=np.int64)
        applied = applied[chosen(ids[applied], most, seed)]
        read = annotated([made[i] for i in applied], [annotations[i] for i in applied])
        after = predict(read) if read else before[:0]
        compared[kind] = changed(before[applied], after, decide, unit[applied])
    return compared
