"""Which predictions the int8 model gives, for a goal such as error <= 0.02: the threshold, and what comes of it."""

import numpy as np

from stages.quantize.gate import GateRows
from strata.base.errors import StrataError
from strata.decision import is_sure
from strata.goal import Goal
from strata.intervals.risk_bound import least_bound, lowest_threshold, one_of_each
from strata.intervals.wilson import wilson_interval

METRICS = ("answered", "answered_error")  # share of the rows that get a label; share of these that get a wrong one


def chosen_threshold(goal: Goal, rows: GateRows, probabilities: np.ndarray, seed: int) -> float:
    """Return the lowest probability of a label that is given. rows: validation rows. probabilities: int8's of them.

    Of each unit of rows, one is looked at. Raises: StrataError when no threshold reaches the goal.
    """
    drawn = one_of_each(rows.frame["unit"].to_numpy(), seed)
    predicted = rows.predicted(probabilities)[drawn]
    probability, wrong = probabilities[drawn, predicted], predicted != rows.label[drawn]
    bounded = (goal.confidence, probabilities.shape[1])
    threshold = lowest_threshold(probability, wrong, goal.bound, *bounded)
    if threshold is None:
        of = f"{len(drawn):,} validation rows"
        if len(drawn) < len(rows.label):
            of = f"{len(rows.label):,} validation rows, {len(drawn):,} of them independent"
        least = least_bound(probability, wrong, goal.bound, *bounded)
        reached = f"an error of {least:.3f} is the least that can be" if least < 1 else "nor does any higher error"
        raise StrataError(
            f"evaluate.goal is error <= {goal.bound:g} at {100 * goal.confidence:g}%, which no threshold proves on "
            f"{of}, {wrong.mean():.1%} of them predicted wrong; {reached}: raise the bound, or get more validation "
            "rows, with a larger split.validation or more data"
        )
    return threshold


def answered_scores(rows: GateRows, probabilities: np.ndarray, threshold: float) -> dict:
    """Return METRICS and, by name, their 95% `interval`; an error is None where no row is answered.

    probabilities: int8's, (rows, labels). The intervals count units in place of rows.
    """
    predicted, unit = rows.predicted(probabilities), rows.frame["unit"].to_numpy()
    answered = is_sure(probabilities, predicted, threshold)
    shares = {"answered": (answered, unit), "answered_error": ((predicted != rows.label)[answered], unit[answered])}
    measured, interval = {}, {}
    for name, (counted, units) in shares.items():
        measured[name] = float(counted.mean()) if len(counted) else None
        ends = wilson_interval(measured[name], len(np.unique(units))) if len(counted) else None
        interval[name] = ends and dict(zip(("low", "high"), ends, strict=True))
    return measured | {"interval": interval}
