"""The model's predictions of all rows, with a calibration and a threshold that are fitted on validation rows only."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.evaluate import label_thresholds, threshold
from stages.evaluate.inputs import Inputs
from stages.evaluate.scored_rows import ScoredRows
from strata import calibration, goal
from strata.calibration import Calibration
from strata.decision import Threshold, decide
from strata.labels import Labels
from strata.model.tokens import TokenizedRows


class ValidationFit(NamedTuple):
    """What is chosen on validation rows."""

    calibration: Calibration
    threshold: Threshold  # of each label where none is positive; None without a goal, and with a bounded error
    threshold_curve: pd.DataFrame  # the scores of every threshold; empty with many labels


class Kind(NamedTuple):
    """A kind of model. logits: by split, (rows, labels). shift, train_shift: (labels,), added to them to restore the
    natural prior, and that of the distinct training rows.

    held_out: logits of the validation rows by what was not fitted to them: other than those of `logits` for a stack.
    """

    name: str
    logits: dict[str, np.ndarray]
    held_out: np.ndarray
    shift: np.ndarray
    train_shift: np.ndarray


class Predictions(NamedTuple):
    """The scored rows of each split, and what they were scored with."""

    rows: dict[str, ScoredRows]  # train, validation, test: calibrated, and decided by the threshold
    held_out: ScoredRows  # validation rows, by what was not fitted to them, see `Kind`
    uncalibrated: ScoredRows  # test rows, by the model's own logits
    untuned: ScoredRows | None  # test rows, by the model before fine-tuning; None where there is none
    fit: ValidationFit


def fit_on_validation(
    logits: np.ndarray, label: np.ndarray, shift: np.ndarray, goal_text: str | None, labels: Labels
) -> ValidationFit:
    """Fit the calibration, and choose the threshold for the goal. It gets validation rows and no others.

    logits: (rows, labels). label: (rows,) int. shift: (labels,), restores the natural prior. goal_text: evaluate.goal.
    """
    fitted = calibration.fit(logits, label, shift)
    probabilities, parsed = fitted.probabilities(logits), goal.parse(goal_text) if goal_text else None
    # a bounded error is quantize's: it is about the int8 model
    has_threshold = parsed is not None and not parsed.may_abstain
    if labels.positive is None:
        chosen = label_thresholds.choose(parsed, label, probabilities) if has_threshold else None
        return ValidationFit(fitted, chosen, pd.DataFrame(columns=threshold.COLUMNS))
    curve = threshold.curve(label == labels.positive_id, probabilities[:, labels.positive_id])
    return ValidationFit(fitted, threshold.choose(parsed, curve) if has_threshold else None, curve)


def predict(kind: Kind, untuned: np.ndarray | None, inputs: Inputs, goal_text: str | None) -> Predictions:
    """Score the rows of all splits.

    untuned: logits of the test rows by the model before fine-tuning, (rows, labels). goal_text: evaluate.goal.
    """
    labels, tokens = inputs.labels, inputs.tokens
    fit = fit_on_validation(kind.held_out, tokens["validation"].label, kind.shift, goal_text, labels)
    # training rows have a prior of their own where they were resampled
    calibrations = {
        "train": Calibration(fit.calibration.temperature, kind.train_shift),
        "validation": fit.calibration,
        "test": fit.calibration,
    }

    def scored(split: str, logits: np.ndarray, by: Calibration, cut: Threshold) -> ScoredRows:
        return scored_rows(tokens[split], logits, by, labels.positive_id, cut, inputs.unit)

    raw = calibration.uncalibrated(len(labels.names))
    return Predictions(
        rows={name: scored(name, kind.logits[name], calibrations[name], fit.threshold) for name in tokens},
        held_out=scored("validation", kind.held_out, fit.calibration, fit.threshold),
        uncalibrated=scored("test", kind.logits["test"], raw, None),
        untuned=None if untuned is None else scored("test", untuned, raw, None),
        fit=fit,
    )


def scored_rows(
    rows: TokenizedRows,
    logits: np.ndarray,
    by: Calibration,
    positive: int | None,
    cut: Threshold,
    unit: pd.Series,
) -> ScoredRows:
    """Calibrate logits, (rows, labels), and decide. positive, cut: as in `decide`. unit: by id."""
    probabilities = by.probabilities(logits)
    predicted = decide(probabilities, positive, cut)
    return ScoredRows(rows.id, rows.label, logits, probabilities, predicted, unit.loc[rows.id].to_numpy())
