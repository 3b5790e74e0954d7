"""How close a quantized model is to the fp32 one on the same texts, in what the gate and `strata check` both ask."""

import numpy as np

from strata.decision import decide


def closeness(fp32: np.ndarray, quantized: np.ndarray, positive: int | None, threshold: float | None) -> dict:
    """Compare two models' probabilities, (rows, labels) each. positive, threshold: as in `decide`.

    Returns: `agreement`, share of the rows that get the same label from both; `drift`, the mean total variation
    distance of the probabilities, 0 to 1.
    """
    one, other = (decide(probabilities, positive, threshold) for probabilities in (fp32, quantized))
    return {
        "agreement": float((one == other).mean()),
        "drift": float(np.abs(fp32 - quantized).sum(axis=1).mean() / 2),
    }


def least_agreement(limit: float, rows: int) -> float:
    """Return the least agreement that is let pass on so many rows: one row may always differ."""
    return min(limit, 1 - 1 / rows)


def exceeds(value: float, limit: float) -> bool:
    """Compare but for rounding: 0.85 - 0.84 is a little above 0.01."""
    return round(value - limit, 9) > 0
