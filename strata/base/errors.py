"""Errors that the user can fix, and suggestions for mistyped names."""

import difflib
from collections.abc import Iterable

CLOSE = 0.72  # of difflib's ratio; below it, two names have letters in common by chance
SHOWN = 40  # names that a sentence lists


class StrataError(Exception):
    """Something the user can fix: says what was found, what is allowed and what to do, in one line."""


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """Return the name that a word is probably a slip or a part of, or None where none is near.

    >>> nearest("Lables", ["text", "label"]), nearest("label", ["gold_label"]), nearest("data", ["label"])
    ('label', 'gold_label', None)
    """
    folded = {name.casefold(): name for name in allowed}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=CLOSE)
    inside = [name for name in folded if min(len(name), len(word)) >= 3 and _holds(name, word.casefold())]
    return folded[(close or inside)[0]] if close or inside else None


def _holds(name: str, word: str) -> bool:
    return name in word or word in name


def did_you_mean(word: str, allowed: list[str], prefix: str = "") -> str:
    """Return '; did you mean X? Allowed: X, Y', without the question where no name is near.

    >>> did_you_mean("lrr", ["lr", "epochs"], "train."), did_you_mean("size", ["lr"])
    ('; did you mean train.lr? Allowed: lr, epochs', '; allowed: lr')
    """
    if not allowed:
        return ""
    listed = ", ".join(allowed[:SHOWN]) + (f" and {len(allowed) - SHOWN:,} more" if len(allowed) > SHOWN else "")
    near = nearest(word, allowed)
    return f"; allowed: {listed}" if near is None else f"; did you mean {prefix}{near}? Allowed: {listed}"
