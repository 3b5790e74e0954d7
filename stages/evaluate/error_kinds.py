"""Kinds of rows that are often predicted wrong, recognized by rules on the text and the model's doubt of the label.

The word lists are English, and not applied to texts in other languages.
A kind describes an error and need not be its cause: compare its share of the errors with its share of all rows.
"""

import re

import numpy as np
import pandas as pd

from stages.evaluate.slices import word_counts

SHORT = 4  # words, at most

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

ENGLISH = {"contrast": _CONTRAST, "negation": _NEGATION, "hedged": _HEDGED}
KINDS = ("very_short", "contrast", "negation", "hedged", "truncated", "probably_mislabelled", "other")


def kinds(texts: list[str], truncated: np.ndarray, suspect: np.ndarray, in_english: bool) -> pd.DataFrame:
    """Return which kinds each row is of, right or wrong: a bool column for each of KINDS; several may hold.

    very_short: at most SHORT words. truncated: the model did not read all of it. probably_mislabelled: the row is in
    suspects.csv, see stages/evaluate/label_noise.py. other: none of these.

    texts: without annotations. truncated, suspect: (rows,) bool. in_english: whether the texts are; else no row is of
    the kinds of ENGLISH.
    """
    is_kind = pd.DataFrame(
        {
            "very_short": word_counts(texts) <= SHORT,
            **{kind: _matches(pattern, texts, in_english) for kind, pattern in ENGLISH.items()},
            "truncated": np.asarray(truncated, dtype=bool),
            "probably_mislabelled": np.asarray(suspect, dtype=bool),
        }
    )
    return is_kind.assign(other=~is_kind.any(axis=1))


def _matches(pattern: re.Pattern, texts: list[str], in_english: bool) -> np.ndarray:
    return np.array([in_english and pattern.search(text) is not None for text in texts], dtype=bool)


def summary(is_kind: pd.DataFrame, wrong: np.ndarray) -> pd.DataFrame:
    """Count the rows and the errors of each kind, in the order of KINDS.

    is_kind: of all rows, as `kinds` returns it. wrong: (rows,) bool, whether the prediction is wrong.
    Returns: columns kind, errors, share_of_errors, rows, share_of_rows, error_rate (of the kind's rows). A share is 0
    where there is nothing to divide by.
    """
    errors, rows = is_kind[wrong].sum().to_numpy(np.int64), is_kind.sum().to_numpy(np.int64)
    return pd.DataFrame(
        {
            "kind": is_kind.columns,
            "errors": errors,
            "share_of_errors": errors / max(1, int(wrong.sum())),
            "rows": rows,
            "share_of_rows": rows / max(1, len(is_kind)),
            "error_rate": errors / np.maximum(rows, 1),
        }
    )


def names(is_kind: pd.DataFrame) -> list[str]:
    """Return the kinds of each row as one string: "contrast, negation"."""
    columns = np.array(is_kind.columns)
    return [", ".join(columns[row]) for row in is_kind.to_numpy(bool)]
