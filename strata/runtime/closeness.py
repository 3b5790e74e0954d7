"""How close a quantized model is to the fp32 one on the same texts: for quantize's gate and for `strata check`."""

import numpy as np

from strata.decision import Threshold, decide


def closeness(fp32: np.ndarray, quantized: np.ndarray, positive: int | None, threshold: Threshold) -> dict:
    """Compare two models' probabilities, (rows, labels) each. positive, threshold: as in `decide`.

    Returns: `agreement`, the share of rows with the same predicted label; `drift`, the mean total variation distance of
    the probabilities, 0 to 1.
    """
    fp32_labels, quantized_labels = (decide(probabilities, positive, threshold) for probabilities in (fp32, quantized))
    return {
        "agreement": float((fp32_labels == quantized_labels).mean()),
        "drift": float(np.abs(fp32 - quantized).sum(axis=1).mean() / 2),
    }


def least_agreement(limit: float, rows: int) -> float:
    """Return the least agreement allowed on a number of rows: one row may always differ."""
    return min(limit, 1 - 1 / rows)


def exceeds(value: float, limit: float) -> bool:
    """Return whether value > limit, up to rounding: 0.85 - 0.84 is a little above 0.01."""
    return round(value - limit, 9) > 0
