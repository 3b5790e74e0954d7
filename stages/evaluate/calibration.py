"""Probabilities that mean what they say: one temperature for all logits, and the labels' natural shares put back.

Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", 2017. Correction of the prior: Saerens,
Latinne and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", 2002.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

RANGE = (0.05, 20.0)  # of the temperature


@dataclass(frozen=True)
class Calibration:
    """Logits become probabilities by softmax(logits / temperature + shift). shift: (labels,)."""

    temperature: float
    shift: np.ndarray

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return (rows, labels). logits: (rows, labels)."""
        return softmax(logits / self.temperature + self.shift, axis=1)


def prior_shift(
    natural: np.ndarray, trained: np.ndarray, weights: dict[str, float] | str, names: list[str]
) -> np.ndarray:
    """Return what balancing has taken from each logit: log(natural share / share that training saw), (labels,).

    natural, trained: (rows,) int, labels of the training rows before and after resampling. weights:
    train.class_weights, which move the balance as repeated rows do. 0 everywhere where nothing was balanced.
    """
    counts = {
        name: np.bincount(rows, minlength=len(names)) for name, rows in (("natural", natural), ("trained", trained))
    }
    if weights == "none" and np.array_equal(counts["natural"] * len(trained), counts["trained"] * len(natural)):
        return np.zeros(len(names))
    seen = counts["trained"].astype(float)
    if weights == "balanced":
        seen = np.ones(len(names))
    elif weights != "none":
        seen *= [weights[name] for name in names]
    shift = np.log(counts["natural"] / len(natural)) - np.log(seen / seen.sum())
    return shift - shift.mean()


def fit(logits: np.ndarray, labels: np.ndarray, shift: np.ndarray) -> Calibration:
    """Find the temperature at which validation rows are likeliest. logits: (rows, labels). labels: (rows,) int.

    The rows must have their natural shares. The range is bounded, since rows that are all right would have it 0.
    """

    def loss(log_temperature: float) -> float:
        shares = log_softmax(logits / np.exp(log_temperature) + shift, axis=1)
        return -shares[np.arange(len(labels)), labels].mean()

    found = minimize_scalar(loss, bounds=np.log(RANGE), method="bounded", options={"xatol": 1e-6})
    return Calibration(float(np.exp(found.x)), shift)
