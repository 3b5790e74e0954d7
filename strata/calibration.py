"""Probabilities that mean what they say: one temperature for all logits, and the labels' natural shares put back.

Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", 2017.
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


def fit(logits: np.ndarray, labels: np.ndarray, shift: np.ndarray) -> Calibration:
    """Find the temperature at which validation rows are likeliest. logits: (rows, labels). labels: (rows,) int.

    The rows must have their natural shares. One row more counts as spread evenly over the labels, or rows that are all
    right would call for certainty without end: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    """
    rows, spread = np.arange(len(labels)), 1 / (len(labels) + 1)

    def loss(log_temperature: float) -> float:
        shares = log_softmax(logits / np.exp(log_temperature) + shift, axis=1)
        return -(1 - spread) * shares[rows, labels].mean() - spread * shares.mean()

    found = minimize_scalar(loss, bounds=np.log(RANGE), method="bounded", options={"xatol": 1e-6})
    return Calibration(float(np.exp(found.x)), shift)
