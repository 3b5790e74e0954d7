"""Intervals contain the true value as often as they claim, and copies of rows do not narrow them."""

import numpy as np
import pytest

from strata.intervals.bootstrap import draw, intervals, percentile_interval, scores_with_intervals
from strata.scoring import NAMES, scores


def sample_rows(rows: int, seed: int, overconfidence: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and a model's probabilities, which are calibrated if overconfidence is 1."""
    random = np.random.default_rng(seed)
    logits = random.normal(-1, 2, rows)
    labels = (random.random(rows) < 1 / (1 + np.exp(-logits))).astype(int)
    positive = 1 / (1 + np.exp(-overconfidence * logits))
    return labels, np.stack([1 - positive, positive], axis=1)


def width(interval: dict[str, float]) -> float:
    return interval["high"] - interval["low"]


def test_each_draw_takes_whole_units_and_as_many_as_there_are():
    unit = np.array([7, 3, 7, 9, 3, 7])
    weights = draw(unit, 200, seed=1)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights[:, [0, 1, 3]].mean(axis=0) == pytest.approx([1, 1, 1], abs=0.2)
    assert (weights == draw(unit, 200, seed=1)).all()
    assert (weights != draw(unit, 200, seed=2)).any()


def test_intervals_do_not_depend_on_the_order_of_rows():
    labels, probabilities = sample_rows(200, 0)
    ids, order = np.arange(200), np.random.default_rng(1).permutation(200)
    intervals_before = intervals(labels, probabilities, 1, ids, seed=3, draws=100)
    intervals_after = intervals(labels[order], probabilities[order], 1, ids[order], seed=3, draws=100)
    for name in NAMES:
        assert intervals_after[name] == pytest.approx(intervals_before[name], abs=1e-12), name


@pytest.mark.parametrize("overconfidence", [1.0, 1.5])
def test_intervals_contain_the_true_value_in_about_95_of_100_test_sets(overconfidence):
    true_scores = scores(*sample_rows(500_000, 0, overconfidence), 1)
    hits = dict.fromkeys(NAMES, 0)
    for seed in range(1, 101):
        interval_of = intervals(*sample_rows(300, seed, overconfidence), 1, np.arange(300), seed, draws=300)
        for name in NAMES:
            hits[name] += interval_of[name]["low"] <= true_scores[name] <= interval_of[name]["high"]
    # 95 less three standard errors of 2.2, and the percentile bootstrap is known to be a little narrow
    assert min(hits.values()) >= 87, hits
    assert np.mean(list(hits.values())) <= 98


def test_copies_in_one_unit_do_not_narrow_the_intervals():
    labels, probabilities = sample_rows(200, 0)
    alone = intervals(labels, probabilities, 1, np.arange(200), seed=0)
    copied = np.repeat(labels, 5), np.repeat(probabilities, 5, axis=0)
    together = intervals(*copied, 1, np.repeat(np.arange(200), 5), seed=0)
    apart = intervals(*copied, 1, np.arange(1000), seed=0)
    for name in ("accuracy", "f1", "roc_auc", "brier"):
        assert together[name] == pytest.approx(alone[name], abs=1e-12)
        assert width(apart[name]) == pytest.approx(width(alone[name]) / 5**0.5, rel=0.15)


def test_all_right_or_all_wrong_has_wilsons_interval():
    labels = np.array([0, 1] * 10)
    interval = intervals(labels, np.eye(2)[labels], 1, np.arange(20), seed=0)["accuracy"]
    assert interval == pytest.approx({"low": 0.8389, "high": 1}, abs=1e-4)  # Wilson's of 20 of 20
    interval = intervals(labels, np.eye(2)[1 - labels], 1, np.arange(20) // 2, seed=0)["accuracy"]
    assert interval == pytest.approx({"low": 0, "high": 0.2775}, abs=1e-4)  # of 0 of 10: pairs of rows are units


def test_one_unit_has_no_interval():
    interval_of = intervals(*sample_rows(30, 0), 1, np.zeros(30, dtype=int), seed=0)
    assert interval_of == dict.fromkeys(NAMES)
    one = intervals(np.array([1]), np.array([[0.2, 0.8]]), 1, np.array([5]), seed=0)
    assert one["accuracy"] == pytest.approx({"low": 0.2065, "high": 1}, abs=1e-4)


def test_a_score_that_is_undefined_in_most_draws_has_no_interval():
    assert percentile_interval(np.array([0.1, np.nan, np.nan])) is None
    assert percentile_interval(np.array([0.1, np.nan])) is None
    assert percentile_interval(np.array([0.1, 0.1, np.nan])) == {"low": 0.1, "high": 0.1}
    interval_of = intervals(np.zeros(20, dtype=int), sample_rows(20, 0)[1], 1, np.arange(20), seed=0)
    assert interval_of["roc_auc"] is None
    assert interval_of["brier"]


def test_the_interval_of_a_calibrated_models_error_starts_at_0():
    assert intervals(*sample_rows(1000, 0), 1, np.arange(1000), seed=0)["ece"]["low"] == 0
    overconfident = scores_with_intervals(*sample_rows(1000, 0, 3.0), 1, np.arange(1000), seed=0)
    assert (
        0.03
        < overconfident["interval"]["ece"]["low"]
        < overconfident["ece"]
        <= overconfident["interval"]["ece"]["high"]
    )


def test_scores_with_intervals_have_the_keys_of_metrics_files():
    labels, probabilities = sample_rows(40, 0)
    metrics = scores_with_intervals(labels, probabilities, 1, np.arange(40), seed=0, predicted=np.ones(40, dtype=int))
    assert metrics["recall"] == 1
    assert metrics["rows"] == 40
    assert list(metrics) == [*NAMES, "rows", "interval"]
    assert list(metrics["interval"]) == list(NAMES)
