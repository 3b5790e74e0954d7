"""Errors that the user can mend, and suggestions for mistyped names."""

import difflib


class StrataError(Exception):
    """Something the user can mend: says what was found, what is allowed and what to do, in one line."""


def did_you_mean(word: str, allowed: list[str], prefix: str = "") -> str:
    """Return '; did you mean X? Allowed: X, Y', with the nearest name however far it is.

    >>> did_you_mean("lrr", ["lr", "epochs"], "train.")
    '; did you mean train.lr? Allowed: lr, epochs'
    """
    if not allowed:
        return ""
    nearest = difflib.get_close_matches(word, allowed, n=1, cutoff=0)[0]
    return f"; did you mean {prefix}{nearest}? Allowed: {', '.join(allowed)}"
