"""ScoredRows scored by the fine-tuned model, calibrated and decided by what validation rows alone have to say."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.evaluate import threshold
from stages.evaluate.rows import ScoredRows
from stages.evaluate.scorer import Scorer
from strata import calibration, goal
from strata.calibration import Calibration
from strata.decision import decide
from strata.labels import Labels
from strata.model.tokens import TokenizedRows


class Scored(NamedTuple):
    """What evaluate speaks of. raw, untuned: test rows as the model, and as the one before training, has them."""

    rows: dict[str, ScoredRows]  # train, validation, test
    raw: ScoredRows
    untuned: ScoredRows
    calibration: Calibration
    threshold: float | None
    points: pd.DataFrame  # the scores of all thresholds on validation rows


def fit(
    logits: np.ndarray, label: np.ndarray, shift: np.ndarray, wanted: str | None, labels: Labels
) -> tuple[Calibration, float | None, pd.DataFrame]:
    """Choose calibration and threshold on validation rows, which alone are given.

    logits: (rows, labels). label: (rows,) int. shift: (labels,). wanted: evaluate.goal.
    Returns: the calibration; the threshold, None without a goal; the scores of all thresholds, none with many labels.
    """
    fitted = calibration.fit(logits, label, shift)
    if labels.positive is None:
        return fitted, None, pd.DataFrame(columns=threshold.COLUMNS)
    points = threshold.curve(label == labels.positive_id, fitted.probabilities(logits)[:, labels.positive_id])
    return fitted, threshold.choose(goal.parse(wanted), points) if wanted else None, points


def score(
    scorer: Scorer,
    untuned: Scorer,
    tokens: dict[str, TokenizedRows],
    unit: pd.Series,
    shift: np.ndarray,
    train_shift: np.ndarray,
    wanted: str | None,
    labels: Labels,
) -> Scored:
    """Score all rows. unit: by id. shift, train_shift: (labels,), of the logits of natural and of training rows.

    wanted: evaluate.goal.
    """

    def made(name: str, logits: np.ndarray, by: Calibration, at: float | None) -> ScoredRows:
        found, shares = tokens[name], by.probabilities(logits)
        predicted = decide(shares, labels.positive_id, at)
        return ScoredRows(found.id, found.label, logits, shares, predicted, unit.loc[found.id].to_numpy())

    logits = {name: scorer.logits(found.input_ids) for name, found in tokens.items()}
    fitted, cut, points = fit(logits["validation"], tokens["validation"].label, shift, wanted, labels)
    of = dict.fromkeys(tokens, fitted) | {"train": Calibration(fitted.temperature, train_shift)}
    none = Calibration(1.0, np.zeros(len(labels.names)))
    return Scored(
        rows={name: made(name, found, of[name], cut) for name, found in logits.items()},
        raw=made("test", logits["test"], none, None),
        untuned=made("test", untuned.logits(tokens["test"].input_ids), none, None),
        calibration=fitted,
        threshold=cut,
        points=points,
    )
