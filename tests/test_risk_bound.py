"""The error of the predictions that are given is within its bound, as often as it is said to be."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from strata.intervals.risk_bound import (
    STARTS,
    counts,
    grid,
    least_bound,
    lowest_threshold,
    one_of_each,
    p_values,
    rejected,
)

BOUND, DRAWS = 0.05, 20_000
TOLERANCE = 2.6 * np.sqrt(0.05 * 0.95 / DRAWS)  # of a share of 0.05, one-sided at 0.5%


class Model(NamedTuple):
    """quantile: of the probability of a prediction. error: how often a prediction of that probability is wrong."""

    quantile: Callable[[np.ndarray], np.ndarray]
    error: Callable[[np.ndarray], np.ndarray]


def spread(share: np.ndarray) -> np.ndarray:
    """Most predictions are nearly sure."""
    return 1 - 0.5 * share**3


def four(share: np.ndarray) -> np.ndarray:
    """Four probabilities, each of a quarter of the rows."""
    return np.array([0.995, 0.98, 0.9, 0.6])[np.minimum(4 * share, 3).astype(int)]


MODELS = {
    "calibrated": Model(spread, lambda p: 1 - p),
    "overconfident": Model(spread, lambda p: np.full(len(p), 0.06)),
    "at_the_bound": Model(spread, lambda p: np.full(len(p), BOUND + 1e-6)),
    "the_surest_are_wrong": Model(spread, lambda p: np.where(p > 0.98, 0.2, 0.02)),
    "an_error_that_jumps": Model(four, lambda p: np.select([p > 0.99, p > 0.95, p > 0.8], [0.0, 0.11, 0.12], 0.4)),
}


def shares_above(model: Model, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """The share of draws in which the true error of the answered is above the bound, and that with a threshold.

    Rows are drawn as the counts of those between two thresholds, which is the same and fast.
    """
    random, (thresholds, starts) = np.random.default_rng(0), grid(BOUND, 2)
    probability = model.quantile((np.arange(400_000) + 0.5) / 400_000)
    place = np.searchsorted(-thresholds, -probability)
    mass = np.bincount(place, minlength=len(thresholds)) / len(place)
    errors = np.bincount(place, model.error(probability), minlength=len(thresholds)) / len(place)
    true_error = np.cumsum(errors) / np.maximum(np.cumsum(mass), 1e-300)
    between = random.multinomial(rows, mass, DRAWS)
    wrong = random.binomial(between, np.clip(errors / np.maximum(mass, 1e-300), 0, 1))
    p = p_values(between.cumsum(axis=1), wrong.cumsum(axis=1), BOUND)
    proved = rejected(p, starts, 1 - confidence)
    chosen = len(thresholds) - 1 - proved[:, ::-1].argmax(axis=1)
    has_one = proved.any(axis=1)
    return (has_one & (true_error[chosen] > BOUND)).mean(), has_one.mean()


@pytest.mark.parametrize("rows", [60, 400, 3000])
@pytest.mark.parametrize("model", MODELS)
def test_the_true_error_is_above_the_bound_in_at_most_one_of_twenty_draws(model, rows):
    above, _ = shares_above(MODELS[model], rows)
    assert above <= 0.05 + TOLERANCE


def test_a_calibrated_model_gets_a_threshold_and_a_higher_confidence_errs_less():
    above, chosen = shares_above(MODELS["calibrated"], 3000)
    assert chosen == 1
    stricter, chosen = shares_above(MODELS["calibrated"], 3000, confidence=0.99)
    assert chosen > 0.99
    assert stricter <= min(above, 0.01 + TOLERANCE)


def test_the_level_is_used_up_where_every_hypothesis_is_just_true():
    assert shares_above(MODELS["at_the_bound"], 3000)[0] > 0.02


def test_rows_are_counted_with_ties_and_the_p_value_is_binomial():
    probability, wrong = np.array([0.9, 0.8, 0.8, 0.7, 0.6]), np.array([False, True, False, False, True])
    answered, errors = counts(probability, wrong, np.array([0.95, 0.9, 0.8, 0.75, 0.0]))
    assert (answered.tolist(), errors.tolist()) == ([0, 1, 3, 3, 5], [0, 0, 1, 1, 2])
    expected = [1, 0.7, binom.cdf(1, 3, 0.3), binom.cdf(1, 3, 0.3), binom.cdf(2, 5, 0.3)]
    assert p_values(answered, errors, 0.3) == pytest.approx(expected)


@settings(deadline=None)
@given(st.floats(0.001, 0.9), st.integers(2, 50))
def test_the_grid_falls_to_zero_and_its_starts_share_the_level(bound, labels):
    thresholds, shares = grid(bound, labels)
    assert (np.diff(thresholds) < 0).all()
    assert thresholds[-1] == 0
    assert shares.sum() == pytest.approx(1)
    assert shares[0] >= STARTS[min(STARTS)]


def test_a_rejected_hypothesis_hands_its_level_on_and_an_accepted_one_does_not():
    shares = np.array([0.4, 0.0, 0.6, 0.0])
    p = np.array([[0.02, 0.02, 0.05, 0.05], [0.021, 0.0, 0.03, 0.031], [0.0, 0.03, 0.031, 0.0]])
    expected = [[True] * 4, [False, False, True, False], [True, False, False, False]]
    assert rejected(p, shares, 0.05).tolist() == expected
    assert rejected(p[1], shares, 0.05).tolist() == expected[1]


def test_too_few_rows_prove_nothing_and_the_least_bound_says_what_they_do():
    probability, wrong = np.full(100, 0.99), np.zeros(100, dtype=bool)
    assert lowest_threshold(probability, wrong, 0.02, 0.95, 2) is None
    least = least_bound(probability, wrong, 0.02, 0.95, 2)
    assert lowest_threshold(probability, wrong, least, 0.95, 2) is not None
    assert lowest_threshold(probability, wrong, least - 0.005, 0.95, 2) is None
    assert least_bound(probability, ~wrong, 0.02, 0.95, 2) == 1


def test_one_row_of_each_unit_is_drawn_and_every_row_of_a_unit_may_be():
    unit = np.array([3, 3, 3, 1, 2, 2])
    drawn = [one_of_each(unit, seed) for seed in range(50)]
    assert all(sorted(unit[rows]) == [1, 2, 3] for rows in drawn)
    assert {tuple(rows) for rows in drawn} == {(i, 3, j) for i in (0, 1, 2) for j in (4, 5)}
    assert one_of_each(np.arange(5), 0).tolist() == list(range(5))


def test_copies_taken_for_rows_would_break_the_bound_and_one_of_each_keeps_it():
    """An error of 0.06 at every threshold, in units of 10 rows that are alike."""
    random, unit = np.random.default_rng(0), np.repeat(np.arange(300), 10)
    broken = np.zeros(2)
    for seed in range(400):
        probability, wrong = spread(random.random(300))[unit], (random.random(300) < 0.06)[unit]
        one = one_of_each(unit, seed)
        broken += [lowest_threshold(probability[rows], wrong[rows], BOUND, 0.95, 2) is not None for rows in (..., one)]
    assert broken[0] / 400 > 0.2
    assert broken[1] / 400 <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 400)
