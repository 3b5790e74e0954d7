"""The decision threshold that each goal chooses, on rows whose best threshold is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from stages.evaluate.threshold import choose, curve, thinned
from strata.base.errors import StrataError
from strata.goal import Goal, missed_error, parse
from strata.settings.params import Evaluate

PROBABILITY = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
POSITIVE = np.array([0, 0, 1, 0, 0, 1, 1, 1], dtype=bool)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])), min_size=1, max_size=40))
def test_the_scores_of_every_threshold_are_scikit_learns(rows):
    truth, probabilities = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    points = curve(truth, probabilities)
    for point in points.itertuples():
        predicted = probabilities >= point.threshold
        assert point.recall == pytest.approx(sk.recall_score(truth, predicted, zero_division=0), abs=1e-12)
        assert point.precision == pytest.approx(sk.precision_score(truth, predicted, zero_division=1), abs=1e-12)
        assert point.f1 == pytest.approx(sk.f1_score(truth, predicted, zero_division=0), abs=1e-12)
        assert point.f2 == pytest.approx(sk.fbeta_score(truth, predicted, beta=2, zero_division=0), abs=1e-12)
        assert point.missed == (truth & ~predicted).sum()
        assert point.false_alarms == (~truth & predicted).sum()
    assert points["share_predicted"].iloc[[0, -1]].tolist() == [1, 0] or probabilities.max() == 1


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("f1", 0.65),  # three of four, no false alarm: 6/7
        ("f2", 0.25),  # all four, two false alarms: 20/22
        ("precision >= 0.9", 0.65),
        ("recall >= 0.9", 0.25),
        ("cost 1:1", 0.65),
        ("cost 5:1", 0.25),
        ("cost 1:1000", 0.65),
    ],
)
def test_each_goal_chooses_its_best_threshold(goal, expected):
    assert choose(parse(goal), curve(POSITIVE, PROBABILITY)) == pytest.approx(expected)


def test_of_equally_good_thresholds_the_nearest_to_a_half_is_chosen():
    truth, probabilities = np.array([False, False, True, True]), np.array([0.1, 0.45, 0.55, 0.9])
    assert choose(parse("recall >= 0.5"), curve(truth, probabilities)) == pytest.approx(0.5)


def test_a_bound_that_no_threshold_reaches_is_refused_with_the_best_value():
    truth = np.array([True, False, True, False])
    with pytest.raises(StrataError, match=r"goal is precision >= 0.9, which no .* rows, 0.667 at best; lower it"):
        choose(parse("precision >= 0.9"), curve(truth, np.array([0.2, 0.9, 0.8, 0.1])))


def test_goals_are_parsed_and_others_are_refused():
    assert parse("recall >= 0.85") == Goal("recall", bound=0.85)
    assert parse("cost 2.5:1") == Goal("cost", missed=2.5, false_alarm=1)
    assert parse("f2") == Goal("f2")
    valid = {"goal": None, "train_rows": 1, "behaviour_rows": 0, "explained_errors": 0, "batch_size": 1}
    for wrong in ("f3", "precision", "precision >= 1.5", "recall > 0.5", "cost 5", "f1 "):
        with pytest.raises(ValueError, match=r"pattern"):
            Evaluate.model_validate(valid | {"goal": wrong})
        with pytest.raises(ValueError, match=r"no goal; allowed: f1, f2"):
            parse(wrong)


def test_the_plot_has_few_points_and_both_ends():
    random = np.random.default_rng(0)
    points = curve(random.random(5000) < 0.5, random.random(5000))
    assert len(thinned(points)) == 200
    assert thinned(points)["threshold"].iloc[[0, -1]].tolist() == points["threshold"].iloc[[0, -1]].tolist()


def test_of_equally_good_thresholds_the_best_in_the_bounded_score_is_chosen():
    """Two fewer false alarms at the same recall."""
    truth = np.array([0, 0, 1, 0, 1, 1, 1], dtype=bool)
    points = curve(truth, np.array([0.6, 0.7, 0.8, 0.81, 0.9, 0.95, 0.97]))
    at = choose(parse("precision >= 0.6"), points)
    chosen = points[points["threshold"] == at].iloc[0]
    assert (chosen["recall"], chosen["precision"]) == (1, 0.8)


def test_neighbouring_probabilities_are_separated():
    low = 0.5
    points = curve(np.array([False, True]), np.array([low, np.nextafter(low, 1)]))
    assert [(np.array([low, np.nextafter(low, 1)]) >= at).mean() for at in points["threshold"]] == [1, 0.5, 0]


def test_a_bounded_error_is_parsed_with_its_confidence():
    assert parse("error <= 0.02") == Goal("error", bound=0.02, confidence=0.95)
    assert parse("error <= 0.1 at 99.5%") == Goal("error", bound=0.1, confidence=0.995)
    assert parse("error <= 0.1").may_abstain
    assert not parse("f1").may_abstain
    for wrong in (
        "error <= 0",
        "error <= 0.0",
        "error <= 1",
        "error < 0.1",
        "error <= 0.1 at 100%",
        "error <= 0.1 at 9%",
    ):
        with pytest.raises(ValueError, match=r"no goal; allowed: .*'error <= 0.02'"):
            parse(wrong)


def test_a_bounded_error_that_test_rows_miss_is_told_with_the_part_of_chance():
    goal = parse("error <= 0.02")
    assert missed_error(goal, 0.02, {"low": 0.01, "high": 0.03}) is None
    assert missed_error(goal, 0.03, {"low": 0.019, "high": 0.041}) == (
        "evaluate.goal error <= 0.02 is missed on test rows by 1.0 points: of the labels that int8 gives, 0.030 (0.019 "
        "to 0.041) are wrong, which chance can explain"
    )
    assert missed_error(goal, 0.05, {"low": 0.04, "high": 0.06}).endswith("(0.040 to 0.060) are wrong")
    assert "is sure of no test row" in missed_error(goal, None, None)
