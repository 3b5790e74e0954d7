"""Intervals that hold the truth as often as they say, and do not take copies for evidence."""

import numpy as np
import pytest

from strata.intervals.bootstrap import draw, intervals, percentiles, scored
from strata.scoring import NAMES, scores


def answers(rows: int, seed: int, sureness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and the probabilities of a model that is calibrated where sureness is 1, and too sure above it."""
    random = np.random.default_rng(seed)
    logits = random.normal(-1, 2, rows)
    labels = (random.random(rows) < 1 / (1 + np.exp(-logits))).astype(int)
    positive = 1 / (1 + np.exp(-sureness * logits))
    return labels, np.stack([1 - positive, positive], axis=1)


def width(interval: dict[str, float]) -> float:
    return interval["high"] - interval["low"]


def test_units_are_drawn_whole_and_as_many_as_there_are():
    unit = np.array([7, 3, 7, 9, 3, 7])
    weights = draw(unit, 200, seed=1)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights[:, [0, 1, 3]].mean(axis=0) == pytest.approx([1, 1, 1], abs=0.2)
    assert (weights == draw(unit, 200, seed=1)).all()
    assert (weights != draw(unit, 200, seed=2)).any()


def test_the_order_of_rows_changes_no_interval():
    labels, shares = answers(200, 0)
    ids, order = np.arange(200), np.random.default_rng(1).permutation(200)
    found = intervals(labels, shares, 1, ids, seed=3, draws=100)
    again = intervals(labels[order], shares[order], 1, ids[order], seed=3, draws=100)
    for name in NAMES:
        assert again[name] == pytest.approx(found[name], abs=1e-12), name


@pytest.mark.parametrize("sureness", [1.0, 1.5])
def test_intervals_hold_the_truth_in_about_95_of_100_test_sets(sureness):
    truth = scores(*answers(500_000, 0, sureness), 1)
    held = dict.fromkeys(NAMES, 0)
    for seed in range(1, 101):
        found = intervals(*answers(300, seed, sureness), 1, np.arange(300), seed, draws=300)
        for name in NAMES:
            held[name] += found[name]["low"] <= truth[name] <= found[name]["high"]
    # 95 less three standard errors of 2.2, and the percentile bootstrap is known to be a little narrow
    assert min(held.values()) >= 87, held
    assert np.mean(list(held.values())) <= 98


def test_copies_in_one_unit_are_no_evidence():
    labels, shares = answers(200, 0)
    alone = intervals(labels, shares, 1, np.arange(200), seed=0)
    copied = np.repeat(labels, 5), np.repeat(shares, 5, axis=0)
    together = intervals(*copied, 1, np.repeat(np.arange(200), 5), seed=0)
    apart = intervals(*copied, 1, np.arange(1000), seed=0)
    for name in ("accuracy", "f1", "roc_auc", "brier"):
        assert together[name] == pytest.approx(alone[name], abs=1e-12)
        assert width(apart[name]) == pytest.approx(width(alone[name]) / 5**0.5, rel=0.15)


def test_all_right_or_all_wrong_is_not_certain():
    labels = np.array([0, 1] * 10)
    found = intervals(labels, np.eye(2)[labels], 1, np.arange(20), seed=0)["accuracy"]
    assert found == pytest.approx({"low": 0.8389, "high": 1}, abs=1e-4)  # Wilson's of 20 of 20
    found = intervals(labels, np.eye(2)[1 - labels], 1, np.arange(20) // 2, seed=0)["accuracy"]
    assert found == pytest.approx({"low": 0, "high": 0.2775}, abs=1e-4)  # of 0 of 10: pairs of rows are units


def test_one_unit_has_no_interval():
    found = intervals(*answers(30, 0), 1, np.zeros(30, dtype=int), seed=0)
    assert found == dict.fromkeys(NAMES)
    one = intervals(np.array([1]), np.array([[0.2, 0.8]]), 1, np.array([5]), seed=0)
    assert one["accuracy"] == pytest.approx({"low": 0.2065, "high": 1}, abs=1e-4)


def test_a_score_that_most_draws_leave_undefined_has_no_interval():
    assert percentiles(np.array([0.1, np.nan, np.nan])) is None
    assert percentiles(np.array([0.1, np.nan])) is None
    assert percentiles(np.array([0.1, 0.1, np.nan])) == {"low": 0.1, "high": 0.1}
    found = intervals(np.zeros(20, dtype=int), answers(20, 0)[1], 1, np.arange(20), seed=0)
    assert found["roc_auc"] is None
    assert found["brier"]


def test_a_calibrated_model_may_have_no_calibration_error():
    assert intervals(*answers(1000, 0), 1, np.arange(1000), seed=0)["ece"]["low"] == 0
    sure = scored(*answers(1000, 0, 3.0), 1, np.arange(1000), seed=0)
    assert 0.03 < sure["interval"]["ece"]["low"] < sure["ece"] <= sure["interval"]["ece"]["high"]


def test_the_form_of_metrics_files():
    labels, shares = answers(40, 0)
    found = scored(labels, shares, 1, np.arange(40), seed=0, predicted=np.ones(40, dtype=int))
    assert found["recall"] == 1
    assert found["rows"] == 40
    assert list(found) == [*NAMES, "rows", "interval"]
    assert list(found["interval"]) == list(NAMES)
