"""An ensemble of runs: the mean of their calibrated probabilities, and the label that it gives each row."""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from strata.base.errors import StrataError
from strata.decision import Threshold, decide

MOST_PROBABLE = "each row gets its most probable label"


class Ensemble(NamedTuple):
    """The outputs of an ensemble. probabilities: (rows, labels). predicted: (rows,) int. rule: how it decides."""

    probabilities: np.ndarray
    predicted: np.ndarray
    rule: str


def ensemble(probabilities: dict[str, np.ndarray], thresholds: dict[str, Threshold], positive: int | None) -> Ensemble:
    """Put runs together. probabilities: by run, (rows, labels) of the same rows. thresholds: by run, as in `decide`.

    A threshold was chosen for one run's probabilities. So it decides only where all runs have the same one.
    Raises: StrataError when two of the runs are one.
    """
    check_runs(probabilities)
    mean = sum(probabilities.values()) / len(probabilities)
    values = set(thresholds.values())
    threshold = values.pop() if len(values) == 1 else None
    if values:
        listed = ", ".join(f"{name} {value_or_none(value)}" for name, value in thresholds.items())
        rule = f"the runs' thresholds differ ({listed}), so {MOST_PROBABLE}"
    elif threshold is None:
        rule = MOST_PROBABLE
    elif isinstance(threshold, tuple):
        rule = f"each label's probability is divided by its threshold, {value_or_none(threshold)}, as in all its runs"
    else:
        rule = f"the positive label is predicted at {value_or_none(threshold)} or more, the threshold of all its runs"
    return Ensemble(mean, decide(mean, positive, threshold), rule)


def check_runs(probabilities: dict[str, np.ndarray]) -> None:
    """Check that no run counts twice under two names. Raises: StrataError."""
    for one, other in combinations(probabilities, 2):
        if np.array_equal(probabilities[one], probabilities[other]):
            raise StrataError(
                f"{one} and {other} have the same probabilities in all shared test rows, so they are one run; name "
                "each run of an ensemble once"
            )


def value_or_none(threshold: Threshold) -> str:
    if isinstance(threshold, tuple):
        return "/".join(map(value_or_none, threshold))
    return "none" if threshold is None else f"{threshold:.4f}"
