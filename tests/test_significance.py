"""Models that are equally good are rarely called different; models that differ mostly are."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from strata.intervals.bootstrap import ENDS, draw
from strata.intervals.significance import is_different, paired_comparison, sign_flip_p_value, words
from strata.scoring import NAMES


def verdicts(ours: np.ndarray, theirs: np.ndarray, unit: np.ndarray, seed: int = 0) -> np.ndarray:
    """Compare many pairs of models: ours, theirs: (pairs, rows), whether right. Returns: (pairs,) int, -1, 0 or 1.

    One product of draws and gains gives the verdicts of `paired_comparison` for all pairs.
    """
    gains = (ours.astype(int) - theirs).T  # (rows, pairs)
    weights = draw(unit, 1000, seed)
    differences = weights.astype(np.float32) @ gains.astype(np.float32) / weights.sum(axis=1, keepdims=True)
    low, high = np.quantile(differences, ENDS, axis=0)
    by_unit = np.zeros((unit.max() + 1, gains.shape[1]), dtype=int)
    np.add.at(by_unit, unit, gains)
    different = [
        is_different(*interval, sign_flip_p_value(gain)) for *interval, gain in zip(low, high, by_unit.T, strict=True)
    ]
    return np.sign(gains.sum(axis=0)) * different


def paired(pairs: int, rows: int, only_ours: float, only_theirs: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of models that differ on some rows: (pairs, rows) bool each, whether right."""
    chance = np.random.default_rng(seed).random((pairs, rows))
    both = 0.8 - only_ours
    return chance < both + only_ours, (chance < both) | ((chance > 0.8) & (chance < 0.8 + only_theirs))


def probabilities_of(labels: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.where(np.eye(2)[labels] == right[:, None], 0.7, 0.3)


def test_two_halves_of_one_models_predictions_are_rarely_called_different():
    random = np.random.default_rng(0)
    right = random.random(1706) < 0.835
    halves = np.stack([random.permutation(right) for _ in range(1000)])
    verdict = verdicts(halves[:, :853], halves[:, 853:], np.arange(853))
    assert (verdict != 0).mean() <= 0.05


@pytest.mark.parametrize("rows", [12, 60, 2000])
def test_two_models_that_are_equally_good_are_rarely_called_different(rows):
    verdict = verdicts(*paired(1000, rows, 0.05, 0.05, seed=rows), np.arange(rows))
    assert (verdict != 0).mean() <= 0.05


def test_three_points_on_2000_rows_are_called_different():
    verdict = verdicts(*paired(1000, 2000, 0.065, 0.035, seed=1), np.arange(2000))
    assert (verdict == 1).mean() >= 0.8
    assert not (verdict == -1).any()
    assert (verdicts(*paired(100, 2000, 0.035, 0.065, seed=1), np.arange(2000)) == -1).mean() >= 0.8


@pytest.mark.parametrize("clusters", [5, 60])
def test_dependent_rows_are_not_counted_as_independent(clusters):
    unit = np.repeat(np.arange(clusters), 20)
    ours, theirs = (right[:, unit] for right in paired(1000, clusters, 0.2, 0.2, seed=2))
    assert (verdicts(ours, theirs, unit) != 0).mean() <= 0.05
    assert (verdicts(ours, theirs, np.arange(len(unit))) != 0).mean() > 0.3


@pytest.mark.parametrize("gain", [0.03, 0.0, -0.03])
def test_paired_comparison_gives_the_verdicts_of_the_tests_above(gain):
    random, rows = np.random.default_rng(0), 1000
    labels = random.integers(0, 2, rows)
    ours, theirs = paired(4, rows, 0.04 + max(gain, 0), 0.04 - min(gain, 0), seed=5)
    expected = verdicts(ours, theirs, np.arange(rows), seed=9)
    for our, their, verdict in zip(ours, theirs, expected, strict=True):
        comparison = paired_comparison(
            labels, probabilities_of(labels, our), probabilities_of(labels, their), 1, np.arange(rows), 9
        )
        assert comparison["different"] == (verdict != 0)
        assert comparison["words"].startswith({1: "better by ", 0: "no difference", -1: "worse by "}[verdict])
        counts = comparison["mcnemar"]
        assert counts["p"] == pytest.approx(
            binomtest(counts["only_ours"], counts["only_ours"] + counts["only_theirs"]).pvalue, rel=1e-9
        )
        assert counts["only_ours"] - counts["only_theirs"] == pytest.approx(comparison["accuracy"]["difference"] * rows)


def test_each_score_has_its_difference_and_interval_from_the_same_draws():
    random = np.random.default_rng(0)
    labels, theirs = random.integers(0, 2, 400), random.dirichlet([1, 1], 400)
    ours = 0.7 * theirs + 0.3 * np.eye(2)[labels]
    comparison = paired_comparison(labels, ours, theirs, 1, np.arange(400), seed=0)
    for name in NAMES:
        assert comparison[name]["low"] <= comparison[name]["difference"] <= comparison[name]["high"], name
    swapped = paired_comparison(labels, theirs, ours, 1, np.arange(400), seed=0)
    assert swapped["brier"]["high"] == pytest.approx(-comparison["brier"]["low"], abs=1e-12)
    assert comparison["roc_auc"]["low"] > 0 > comparison["log_loss"]["high"]


def test_given_predictions_are_compared_in_place_of_the_most_probable_labels():
    labels = np.array([0, 1] * 50)
    probabilities = np.tile([0.6, 0.4], (100, 1))
    comparison = paired_comparison(
        labels, probabilities, probabilities, 1, np.arange(100), seed=0, our_predicted=labels
    )
    assert comparison["mcnemar"] == {"only_ours": 50, "only_theirs": 0, "p": pytest.approx(2**-49)}
    assert comparison["different"]
    assert comparison["brier"]["difference"] == 0


def test_the_verdict_says_when_the_rows_show_no_difference():
    labels = np.array([0, 1] * 20)
    probabilities = probabilities_of(labels, np.arange(40) > 5)
    same = paired_comparison(labels, probabilities, probabilities, 1, np.arange(40), seed=0)
    assert same["words"] == "no difference: both are right on the same rows"
    better = probabilities_of(labels, np.arange(40) > 1)
    few = paired_comparison(labels, better, probabilities, 1, np.arange(40), seed=0)  # four rows, all in one direction
    assert few["accuracy"]["low"] == 0, "the bootstrap alone gives 0.025 to 0.2"
    assert few["mcnemar"]["p"] == pytest.approx(1 / 8)
    assert few["words"] == "no difference that this test set can show (0.0 to 20.0 points)"
    one_unit = paired_comparison(labels, better, probabilities, 1, np.zeros(40, dtype=int), seed=0)
    assert one_unit["words"] == "no difference that this test set can show"
    assert one_unit["accuracy"] == {"difference": pytest.approx(0.1), "low": None, "high": None}
    one_label = paired_comparison(labels * 0, probabilities, better, 1, np.arange(40), seed=0)
    assert one_label["roc_auc"] == {"difference": None, "low": None, "high": None}


def test_words_state_the_difference_in_points():
    assert words(0.065, 0.051, 0.079, True) == "better by 6.5 points (5.1 to 7.9)"
    assert words(-0.065, -0.079, -0.051, True) == "worse by 6.5 points (5.1 to 7.9)"
    assert words(0.004, -0.004, 0.012, False) == "no difference that this test set can show (-0.4 to 1.2 points)"
    assert words(0.004, -0.0001, 0.012, False) == "no difference that this test set can show (0.0 to 1.2 points)"


@given(st.lists(st.integers(-3, 3), max_size=9))
def test_the_sign_flip_p_value_counts_every_flip(gains):
    gains = np.array(gains, dtype=int)
    flips = np.array(list(itertools.product([-1, 1], repeat=len(gains)))).reshape(2 ** len(gains), -1)
    assert sign_flip_p_value(gains) == pytest.approx((np.abs(flips @ gains) >= abs(gains.sum())).mean(), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(12, 60), st.integers(0, 9))
def test_the_interval_holds_0_exactly_where_the_verdict_is_that_the_rows_show_no_difference(ours, theirs, rows, seed):
    """For few rows and many, independent or not; the words say the same as the figures."""
    rows += ours + theirs
    labels = np.arange(rows) % 2
    right = np.arange(rows)
    our, their = right >= theirs, (right < theirs) | (right >= ours + theirs)
    unit = np.arange(rows) // (1 + seed % 3)
    compared = paired_comparison(
        labels, probabilities_of(labels, our), probabilities_of(labels, their), 1, unit, seed, draws=200
    )
    low, high = compared["accuracy"]["low"], compared["accuracy"]["high"]
    assert compared["different"] == (low > 0 or high < 0)
    assert low <= compared["accuracy"]["difference"] <= high
    figures = [float(word) for word in re.findall(r"-?\d+\.\d+", compared["words"].split("(")[-1])]
    if "(" in compared["words"]:
        assert (figures[0] <= 0 <= figures[1]) == (not compared["different"]), compared["words"]


def test_an_interval_that_excludes_0_does_not_look_as_if_it_held_it():
    assert words(0.004, 0.0003, 0.012, True) == "better by 0.4 points (0.03 to 1.2)"
    assert words(-0.004, -0.012, -0.00004, True) == "worse by 0.4 points (0.004 to 1.2)"
