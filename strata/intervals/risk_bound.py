"""A threshold for giving predictions, by which their error is bounded with a finite-sample guarantee.

Learn then Test: Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test: Calibrating Predictive Algorithms to
Achieve Risk Control", 2021. Each threshold of a fixed grid has the null hypothesis that the error among the rows it
answers is above the bound. A threshold may be chosen if its hypothesis is rejected, and the chance that any true one is
rejected is at most 1 - confidence.

Its p-value is exact: of n answered rows, independent of each other, the wrong ones are binomial, given n.

The hypotheses are tested from the strictest threshold to the loosest by the fallback procedure (Wiens, "A fixed
sequence Bonferroni procedure for testing multiple endpoints", 2003; Wiens and Dmitrienko, 2005), whose starts share the
level. It holds however the p-values depend on each other: between two true hypotheses that follow each other, the later
one is tested at most at the level of the starts after the earlier, and these shares add up to the level. Testing from
the strictest on at the full level would end where too few rows are answered to prove anything.
"""

import numpy as np
from scipy.stats import binom

RATIO = 1.05  # between the doubts of neighbouring thresholds; the doubt is 1 - threshold
STARTS = {1 / 16: 0.02, 1 / 2: 0.35, 1: 0.5, 2: 0.1, 4: 0.03}
"""Doubt, divided by the bound: share of the level that starts there. Of a calibrated model, the error of the rows with
a doubt of at most the bound is below the bound, so that the level is best spent there. The small shares are for models
that are surer than they should be, or less sure, and have many rows to show it."""
STEP = 0.005  # of the bounds that `least_bound` tries


def grid(bound: float, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the thresholds of the largest probability, falling to 0, and the level's share that starts at each.

    The grid depends on nothing but the bound and the number of labels.
    """
    largest = 1 - 1 / labels  # doubt of the most probable label
    starts = np.array([part * bound for part in STARTS])
    steps = np.arange(np.ceil(np.log(largest / starts[0]) / np.log(RATIO)))
    doubts = np.append(starts[0] * RATIO**steps, largest)
    shares = np.zeros(len(doubts))
    for start, share in zip(starts, STARTS.values(), strict=True):
        shares[np.abs(np.log(doubts / start)).argmin()] += share
    return np.append(1 - doubts[:-1], 0.0), shares


def counts(probability: np.ndarray, wrong: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many rows each threshold answers, and how many of these are wrong: (thresholds,) int both.

    probability: (rows,), of each row's prediction, which is given from a threshold on. wrong: (rows,) bool.
    """
    order = np.argsort(-probability, kind="stable")
    errors = np.concatenate([[0], np.cumsum(wrong[order])])
    answered = np.searchsorted(-probability[order], -thresholds, side="right")
    return answered, errors[answered]


def p_values(answered: np.ndarray, errors: np.ndarray, bound: float) -> np.ndarray:
    """Return the p-values of "the error among the answered is above the bound"; 1 where none is answered.

    answered, errors: as of `counts`, of rows that are independent of each other.
    """
    return binom.cdf(errors, answered, bound)


def rejected(p: np.ndarray, shares: np.ndarray, level: float) -> np.ndarray:
    """Return which hypotheses the fallback procedure rejects: (..., hypotheses) bool.

    p: (..., hypotheses), in the order of the tests. shares: (hypotheses,), of the level, that starts at each; their sum
    is 1. A rejected hypothesis hands the level that it was tested at to the next one.
    """
    decisions, carried = np.zeros(p.shape, dtype=bool), np.zeros(p.shape[:-1])
    for i, start in enumerate(shares):
        carried = carried + start * level
        decisions[..., i] = (carried > 0) & (p[..., i] <= carried)
        carried = np.where(decisions[..., i], carried, 0.0)
    return decisions


def lowest_threshold(
    probability: np.ndarray, wrong: np.ndarray, bound: float, confidence: float, labels: int
) -> float | None:
    """Return the lowest threshold by which the error of the predictions that are given is at most the bound.

    That is, with the given confidence over the draw of the rows, for rows of the same distribution; None if no
    threshold of the grid is proved. 0: all predictions are given. probability, wrong: as in `counts`, of rows that are
    independent of each other.
    """
    thresholds, shares = grid(bound, labels)
    proved = rejected(p_values(*counts(probability, wrong, thresholds), bound), shares, 1 - confidence)
    return float(thresholds[proved][-1]) if proved.any() else None


def least_bound(probability: np.ndarray, wrong: np.ndarray, above: float, confidence: float, labels: int) -> float:
    """Return the least bound above a given one, in multiples of STEP, for which there is a threshold; 1 if none.

    It is found by the rows that it is about, so it is advice, and not a bound itself.
    """
    for step in range(int(above / STEP) + 1, round(1 / STEP)):
        if lowest_threshold(probability, wrong, step * STEP, confidence, labels) is not None:
            return step * STEP
    return 1.0


def one_of_each(unit: np.ndarray, seed: int) -> np.ndarray:
    """Return the position of one row of each unit, drawn at random: (units,) int, rising.

    Rows of a unit depend on each other, and units do not. The error among drawn rows is that of a row drawn from a unit
    that is drawn: a unit counts once, however many rows it has. unit: (rows,) int.
    """
    order = np.random.default_rng(seed).permutation(len(unit))
    return np.sort(order[np.unique(unit[order], return_index=True)[1]])
