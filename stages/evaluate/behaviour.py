"""Behavioural tests: does a prediction stay the same when a text changes in ways that should not matter?

Invariance and directional tests as in Ribeiro et al., "Beyond Accuracy: Behavioral Testing of NLP Models with
CheckList", 2020.
"""

from collections.abc import Callable

import numpy as np

from stages.evaluate.sample import sample
from stages.evaluate.scored_rows import ScoredRows
from stages.evaluate.text_changes import ENGLISH, KINDS, changed_texts
from strata.intervals.wilson import wilson_interval
from strata.text.annotation import annotated

Prediction = tuple[np.ndarray, np.ndarray]  # probabilities: (rows, labels); predicted label ids: (rows,) int


def prediction_changes(
    rows: ScoredRows,
    texts: list[str],
    annotations: list[str | None],
    classify: Callable[[list[str]], Prediction],
    size: int,
    seed: int,
    in_english: bool,
) -> dict[str, dict[str, float | int | None]]:
    """Apply each of KINDS to the texts, and return `change_in_predictions` for each.

    For the kinds of INVARIANCE, a changed prediction is a failure; for those of DIRECTIONAL, it may be right.

    rows: as predicted without changes. texts, annotations: of rows, as in `annotated`; only the texts are changed.
    size: the largest number of rows that each kind is applied to, chosen by `sample`. in_english: whether the texts
    are; the kinds of ENGLISH apply to no other text.
    """
    changes = {}
    for kind in KINDS:
        applies_to = in_english or kind not in ENGLISH
        changed = changed_texts(kind, texts, rows.id, seed) if applies_to else [None] * len(texts)
        applies = np.array([i for i, text in enumerate(changed) if text is not None], dtype=np.int64)
        chosen = applies[sample(rows.id[applies], size, seed)]
        before = (rows.probabilities[chosen], rows.predicted[chosen])
        read = annotated([changed[i] for i in chosen], [annotations[i] for i in chosen])
        changes[kind] = change_in_predictions(before, classify(read) if read else before, rows.unit[chosen])
    return changes


def change_in_predictions(before: Prediction, after: Prediction, unit: np.ndarray) -> dict[str, float | int | None]:
    """Compare the predictions of the same rows before and after a change.

    unit: (rows,) int, equal for rows that are not independent of each other.
    Returns: rows; changed, the share of rows whose predicted label changes; low and high, its 95%
    Wilson interval, with units in place of rows; shift, the mean change in probability of the label predicted before.
    All but rows are None if there are no rows.
    """
    rows = len(unit)
    if not rows:
        return {"rows": 0, "changed": None, "low": None, "high": None, "shift": None}
    (probabilities, predicted), (probabilities_after, predicted_after) = before, after
    share = int((predicted_after != predicted).sum()) / rows
    low, high = wilson_interval(share, len(np.unique(unit)))
    shifts = (probabilities_after - probabilities)[np.arange(rows), predicted]
    return {
        "rows": rows,
        "changed": share,
        "low": low,
        "high": high,
        "shift": float(shifts.mean()),
    }
