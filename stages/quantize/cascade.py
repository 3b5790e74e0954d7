"""From which probability on may TF-IDF answer alone, in the place of a stack? Chosen on validation rows.

A cascade has to be worth it: the stack is to answer three times as many texts a second. TF-IDF costs a twentieth of a
short text's time or less, so that takes two thirds of the rows and a twentieth, by counted rows: outputs hold no times.
"""

from typing import NamedTuple

import numpy as np

from stages.quantize.gate import GateRows, losses, refusals
from strata import calibration
from strata.calibration import Calibration
from strata.runtime.feeds import Both
from strata.settings.params import Quantize
from strata.tfidf.fitted import Fitted

MOST_LOST = 0.002  # of quantize.gate_metric, against the stack alone
LEAST_SHARE = 0.72  # of rows that TF-IDF answers
LEAST_ROWS = round(1 / MOST_LOST)  # validation rows: of fewer, one row is more than MOST_LOST
MARGIN = 1e-6
TRIED = 50  # shares from all rows down to LEAST_SHARE


class Early(NamedTuple):
    """TF-IDF alone, with a calibration of its own."""

    fitted: Fitted
    calibration: Calibration

    def probabilities(self, taken: list[Both]) -> np.ndarray:
        """Return (rows, labels). taken: what a stack takes of each row."""
        return self.calibration.probabilities(self.fitted.logits(row.features for row in taken))


class Choice(NamedTuple):
    """least: the probability from which TF-IDF answers; None: no cascade. share: of rows that it answers."""

    least: float | None
    share: float
    refused: str


def early(fitted: Fitted, part: Calibration, validation: GateRows) -> Early:
    """Calibrate TF-IDF alone on validation rows. part: its calibration in the stack, which has its prior's shift."""
    logits = fitted.logits(row.features for row in validation.input_ids)
    return Early(fitted, calibration.fit(logits, validation.label, part.shift * part.temperature))


def answered(first: np.ndarray, stack: np.ndarray, least: float) -> np.ndarray:
    """Return a cascade's probabilities. first, stack: of TF-IDF alone and of the stack, (rows, labels)."""
    return np.where(first.max(axis=1, keepdims=True) >= least, first, stack)


def below(sure: np.ndarray, share: float) -> float:
    """Return a number that at least this share of `sure`, (rows,), exceeds: half-way to the next lower one.

    So no row is so near that the rounding of ONNX Runtime decides. Below the lowest, it is lower by MARGIN: a text of
    which TF-IDF is less sure than of any of the rows is the stack's.
    """
    values = np.unique(sure)
    i = int(np.searchsorted(values, np.quantile(sure, 1 - share, method="lower")))
    return float((values[i - 1] + values[i]) / 2) if i else float(values[0] - MARGIN)


def choose(first: np.ndarray, stack: np.ndarray, rows: GateRows, limits: Quantize) -> Choice:
    """Return the lowest probability within all limits. first, stack: as in `answered`, of validation rows.

    It loses at most MOST_LOST against the stack, passes the gate against fp32, and answers LEAST_SHARE of the rows.
    LEAST_ROWS are needed to see such a loss.
    """
    if len(rows.label) < LEAST_ROWS:
        refused = f"{len(rows.label):,} validation rows show no loss of {MOST_LOST}; it takes {LEAST_ROWS:,}"
        return Choice(None, LEAST_SHARE, refused)
    sure, alone, refused = first.max(axis=1), losses(rows, stack, limits.gate_metric), ""
    for share in np.linspace(1, LEAST_SHARE, TRIED):
        least = below(sure, share)
        measured = losses(rows, answered(first, stack, least), limits.gate_metric)
        lost = measured["loss"] - alone["loss"]
        reasons = refusals(measured, rows, limits)
        if lost > MOST_LOST + 1e-9:
            reasons.insert(0, f"loss of {limits.gate_metric} {lost:.4f} against the stack, most allowed {MOST_LOST}")
        if not reasons:
            return Choice(least, float((sure >= least).mean()), "")
        refused = reasons[0]
    return Choice(None, LEAST_SHARE, refused)
