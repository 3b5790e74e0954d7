"""The kinds of errors that a rule can tell from the text and the probabilities.

The word lists are English; in another language only `very_short`, `truncated` and `probably_mislabelled` mean anything.
A kind is a description, not a cause: compare its share of the errors with its share of all rows.
"""

import re

import numpy as np
import pandas as pd

from stages.evaluate.slices import words

SHORT = 4  # words, at most
CONFIDENT = 0.8  # probability that model and TF-IDF each give to one and the same other label

_CONTRAST = re.compile(
    r"\b(?:but|however|although|though|yet|despite|nevertheless|nonetheless|whereas|unfortunately|except|instead|"
    r"in spite of|on the other hand|even if)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:no|not|never|neither|nor|nobody|nothing|nowhere|none|without|cannot|hardly|barely|scarcely)\b"
    r"|\b(?:are|ca|could|did|do|does|had|has|have|is|might|must|need|should|was|were|wo|would|ai)\s?n['\u2019]?t\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:might|may|perhaps|maybe|possibly|probably|seems?|seemed|somewhat|fairly|almost|mostly|partly|arguably|"
    r"apparently|sometimes|occasionally|kind of|sort of|at times|more or less|to some extent|not (?:entirely|quite))\b",
    re.IGNORECASE,
)

KINDS = ("very_short", "contrast", "negation", "hedged", "truncated", "probably_mislabelled", "other")


def kinds(
    texts: list[str], truncated: np.ndarray, truth: np.ndarray, probabilities: np.ndarray, tfidf: np.ndarray
) -> pd.DataFrame:
    """Tell which kinds each row is of, right or wrong: a bool column for each of KINDS; several may hold.

    very_short: at most SHORT words. truncated: the model did not see all of it. probably_mislabelled: the model and
    TF-IDF both give one and the same label, which is not the row's, CONFIDENT or more: rows to look at. Of 50 such
    rows of Rotten Tomatoes with 5% of the labels flipped, 27 were flipped ones. other: none of these.

    texts: without appended special tokens. truncated: (rows,) bool. truth: (rows,) int, label ids.
    probabilities, tfidf: (rows, labels).
    """
    likeliest = probabilities.argmax(axis=1)
    agree = (likeliest == tfidf.argmax(axis=1)) & (likeliest != truth)
    sure = (probabilities.max(axis=1) >= CONFIDENT) & (tfidf.max(axis=1) >= CONFIDENT)
    told = pd.DataFrame(
        {
            "very_short": words(texts) <= SHORT,
            "contrast": _matches(_CONTRAST, texts),
            "negation": _matches(_NEGATION, texts),
            "hedged": _matches(_HEDGED, texts),
            "truncated": np.asarray(truncated, dtype=bool),
            "probably_mislabelled": agree & sure,
        }
    )
    return told.assign(other=~told.any(axis=1))


def _matches(pattern: re.Pattern, texts: list[str]) -> np.ndarray:
    return np.array([pattern.search(text) is not None for text in texts], dtype=bool)


def summary(told: pd.DataFrame, wrong: np.ndarray) -> pd.DataFrame:
    """Count the kinds of the wrong rows, in the order of KINDS.

    told: of all rows, as `kinds` gives it. wrong: (rows,) bool.
    Returns: columns kind, errors, share_of_errors, rows, share_of_rows, error_rate (of the kind's rows); a share of
    nothing is 0.
    """
    errors, rows = told[wrong].sum().to_numpy(np.int64), told.sum().to_numpy(np.int64)
    return pd.DataFrame(
        {
            "kind": told.columns,
            "errors": errors,
            "share_of_errors": errors / max(1, int(wrong.sum())),
            "rows": rows,
            "share_of_rows": rows / max(1, len(told)),
            "error_rate": errors / np.maximum(rows, 1),
        }
    )


def named(told: pd.DataFrame) -> list[str]:
    """Name the kinds of each row: "contrast, negation"."""
    columns = np.array(told.columns)
    return [", ".join(columns[row]) for row in told.to_numpy(bool)]
