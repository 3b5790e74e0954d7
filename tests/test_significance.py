"""Two models are called different rarely when they are not, and mostly when they are."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from strata.intervals.bootstrap import ENDS, draw
from strata.intervals.significance import compare, differ, sign_flip, words
from strata.scoring import NAMES


def verdicts(ours: np.ndarray, theirs: np.ndarray, unit: np.ndarray, seed: int = 0) -> np.ndarray:
    """Compare many pairs of models: ours, theirs: (pairs, rows), whether right. Returns: (pairs,) int, -1, 0 or 1.

    One product of draws and gains does for all pairs what `compare` does for one.
    """
    gains = (ours.astype(int) - theirs).T  # (rows, pairs)
    weights = draw(unit, 1000, seed)
    differences = weights.astype(np.float32) @ gains.astype(np.float32) / weights.sum(axis=1, keepdims=True)
    low, high = np.quantile(differences, ENDS, axis=0)
    by_unit = np.zeros((unit.max() + 1, gains.shape[1]), dtype=int)
    np.add.at(by_unit, unit, gains)
    different = [differ(*ends, sign_flip(gain)) for *ends, gain in zip(low, high, by_unit.T, strict=True)]
    return np.sign(gains.sum(axis=0)) * different


def paired(pairs: int, rows: int, only_ours: float, only_theirs: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make models that err on the same rows but for some: (pairs, rows) bool each, whether right."""
    chance = np.random.default_rng(seed).random((pairs, rows))
    both = 0.8 - only_ours
    return chance < both + only_ours, (chance < both) | ((chance > 0.8) & (chance < 0.8 + only_theirs))


def probabilities(labels: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.where(np.eye(2)[labels] == right[:, None], 0.7, 0.3)


def test_two_halves_of_one_models_predictions_are_rarely_called_different():
    random = np.random.default_rng(0)
    right = random.random(1706) < 0.835
    halves = np.stack([random.permutation(right) for _ in range(1000)])
    found = verdicts(halves[:, :853], halves[:, 853:], np.arange(853))
    assert (found != 0).mean() <= 0.05


@pytest.mark.parametrize("rows", [12, 60, 2000])
def test_two_models_that_are_equally_good_are_rarely_called_different(rows):
    found = verdicts(*paired(1000, rows, 0.05, 0.05, seed=rows), np.arange(rows))
    assert (found != 0).mean() <= 0.05


def test_three_points_on_2000_rows_are_found():
    found = verdicts(*paired(1000, 2000, 0.065, 0.035, seed=1), np.arange(2000))
    assert (found == 1).mean() >= 0.8
    assert not (found == -1).any()
    assert (verdicts(*paired(100, 2000, 0.035, 0.065, seed=1), np.arange(2000)) == -1).mean() >= 0.8


@pytest.mark.parametrize("clusters", [5, 60])
def test_rows_that_stand_or_fall_together_are_not_taken_for_many(clusters):
    unit = np.repeat(np.arange(clusters), 20)
    ours, theirs = (right[:, unit] for right in paired(1000, clusters, 0.2, 0.2, seed=2))
    assert (verdicts(ours, theirs, unit) != 0).mean() <= 0.05
    assert (verdicts(ours, theirs, np.arange(len(unit))) != 0).mean() > 0.3


@pytest.mark.parametrize("gain", [0.03, 0.0, -0.03])
def test_compare_gives_the_verdict_that_the_draws_above_give(gain):
    random, rows = np.random.default_rng(0), 1000
    labels = random.integers(0, 2, rows)
    ours, theirs = paired(4, rows, 0.04 + max(gain, 0), 0.04 - min(gain, 0), seed=5)
    expected = verdicts(ours, theirs, np.arange(rows), seed=9)
    for one, other, verdict in zip(ours, theirs, expected, strict=True):
        found = compare(labels, probabilities(labels, one), probabilities(labels, other), 1, np.arange(rows), seed=9)
        assert found["different"] == (verdict != 0)
        assert found["words"].startswith({1: "better by ", 0: "no difference", -1: "worse by "}[verdict])
        counts = found["mcnemar"]
        assert counts["p"] == pytest.approx(
            binomtest(counts["only_ours"], counts["only_ours"] + counts["only_theirs"]).pvalue, rel=1e-9
        )
        assert counts["only_ours"] - counts["only_theirs"] == pytest.approx(found["accuracy"]["difference"] * rows)


def test_each_score_has_its_difference_and_interval_from_the_same_draws():
    random = np.random.default_rng(0)
    labels, theirs = random.integers(0, 2, 400), random.dirichlet([1, 1], 400)
    ours = 0.7 * theirs + 0.3 * np.eye(2)[labels]
    found = compare(labels, ours, theirs, 1, np.arange(400), seed=0)
    for name in NAMES:
        assert found[name]["low"] <= found[name]["difference"] <= found[name]["high"], name
    swapped = compare(labels, theirs, ours, 1, np.arange(400), seed=0)
    assert swapped["brier"]["high"] == pytest.approx(-found["brier"]["low"], abs=1e-12)
    assert found["roc_auc"]["low"] > 0 > found["log_loss"]["high"]


def test_predictions_that_are_given_decide():
    labels = np.array([0, 1] * 50)
    shares = np.tile([0.6, 0.4], (100, 1))
    found = compare(labels, shares, shares, 1, np.arange(100), seed=0, our_predicted=labels)
    assert found["mcnemar"] == {"only_ours": 50, "only_theirs": 0, "p": pytest.approx(2**-49)}
    assert found["different"]
    assert found["brier"]["difference"] == 0


def test_what_the_rows_cannot_tell_is_said():
    labels = np.array([0, 1] * 20)
    shares = probabilities(labels, np.arange(40) > 5)
    same = compare(labels, shares, shares, 1, np.arange(40), seed=0)
    assert same["words"] == "no difference: both are right on the same rows"
    better = probabilities(labels, np.arange(40) > 1)
    few = compare(labels, better, shares, 1, np.arange(40), seed=0)  # four rows, all in one direction
    assert few["accuracy"]["low"] > 0
    assert few["mcnemar"]["p"] == pytest.approx(1 / 8)
    assert few["words"] == "no difference that this test set can show (2.5 to 20.0 points)"
    one_unit = compare(labels, better, shares, 1, np.zeros(40, dtype=int), seed=0)
    assert one_unit["words"] == "no difference that this test set can show"
    assert one_unit["accuracy"] == {"difference": pytest.approx(0.1), "low": None, "high": None}
    one_label = compare(labels * 0, shares, better, 1, np.arange(40), seed=0)
    assert one_label["roc_auc"] == {"difference": None, "low": None, "high": None}


def test_the_words():
    assert words(0.065, 0.051, 0.079, True) == "better by 6.5 points (5.1 to 7.9)"
    assert words(-0.065, -0.079, -0.051, True) == "worse by 6.5 points (5.1 to 7.9)"
    assert words(0.004, -0.004, 0.012, False) == "no difference that this test set can show (-0.4 to 1.2 points)"
    assert words(0.004, -0.0001, 0.012, False) == "no difference that this test set can show (0.0 to 1.2 points)"


@given(st.lists(st.integers(-3, 3), max_size=9))
def test_the_sign_flip_test_counts_every_flip(gains):
    gains = np.array(gains, dtype=int)
    flips = np.array(list(itertools.product([-1, 1], repeat=len(gains)))).reshape(2 ** len(gains), -1)
    assert sign_flip(gains) == pytest.approx((np.abs(flips @ gains) >= abs(gains.sum())).mean(), abs=1e-12)
