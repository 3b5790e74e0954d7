"""Calibrated probabilities: one temperature for all logits, and the natural prior restored.

Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", 2017.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from strata.base import files
from strata.decision import Threshold

RANGE = (0.05, 20.0)  # of the temperature


@dataclass(frozen=True)
class Calibration:
    """The formula of calibration, softmax(logits / temperature + shift). shift: (labels,), see strata/prior.py."""

    temperature: float
    shift: np.ndarray

    def logits(self, logits: np.ndarray) -> np.ndarray:
        """Return calibrated logits, (rows, labels). logits: (rows, labels), the model's own."""
        return logits / self.temperature + self.shift

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, (rows, labels). logits: (rows, labels), the model's own."""
        return softmax(self.logits(logits), axis=1)


def uncalibrated(n_labels: int) -> Calibration:
    """Return the calibration that leaves logits as they are."""
    return Calibration(1.0, np.zeros(n_labels))


def fit(logits: np.ndarray, labels: np.ndarray, shift: np.ndarray) -> Calibration:
    """Return the calibration with the temperature of the highest likelihood. logits: (rows, labels). labels: (rows,).

    The rows must have the natural prior. To the labels' likelihood one more row is added, whose label is uniform:
    otherwise, rows that are all predicted right would drive the temperature towards 0. Source of that: Platt,
    "Probabilistic Outputs for Support Vector Machines", 1999.
    """
    rows, uniform = np.arange(len(labels)), 1 / (len(labels) + 1)

    def loss(log_temperature: float) -> float:
        log_probabilities = log_softmax(Calibration(np.exp(log_temperature), shift).logits(logits), axis=1)
        return -(1 - uniform) * log_probabilities[rows, labels].mean() - uniform * log_probabilities.mean()

    minimum = minimize_scalar(loss, bounds=np.log(RANGE), method="bounded", options={"xatol": 1e-6})
    return Calibration(float(np.exp(minimum.x)), shift)


def write_calibration(
    path: Path,
    calibration: Calibration,
    goal: str | None,
    threshold: Threshold,
    parts: Mapping[str, Calibration] | None = None,
) -> None:
    """Write calibration.json: the calibration, and beside it evaluate.goal and the threshold chosen for it.

    threshold: as in `decide`; those of many labels are a list by id. parts: of a stack, by model, whose calibrated
    logits add up to those of the stack.
    """
    content = {
        "temperature": calibration.temperature,
        "shift": calibration.shift.tolist(),
        "goal": goal,
        "threshold": threshold,
    }
    if parts:
        content["parts"] = {
            name: {"temperature": part.temperature, "shift": part.shift.tolist()} for name, part in parts.items()
        }
    files.write_json(path, content)


def read_calibration(path: Path) -> tuple[Calibration, Threshold]:
    """Read calibration.json. Returns: the calibration and the threshold, None where evaluate.goal was null.

    Raises: StrataError when the file is missing or broken.
    """
    content = files.read_json(path)
    return Calibration(content["temperature"], np.array(content["shift"])), content["threshold"]


def read_parts(path: Path) -> dict[str, Calibration]:
    """Return the parts of `write_calibration`, none where the model is no stack. Raises: as `read_calibration`."""
    parts = files.read_json(path).get("parts", {})
    return {name: Calibration(part["temperature"], np.array(part["shift"])) for name, part in parts.items()}


def read_goal(path: Path) -> str | None:
    """Return evaluate.goal out of calibration.json. Raises: as `read_calibration`."""
    return files.read_json(path)["goal"]
