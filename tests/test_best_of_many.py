"""What a search may say: which settings the rows cannot tell from the best, and how much of the best score is luck."""

import numpy as np
import pytest

from strata.intervals.best_of_many import BestOfMany, best_of_many, scores_and_draws
from strata.scoring import NAMES, scores

ROWS = 400


def outputs(skills: list[float], rows: int = ROWS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, (rows,), and probabilities of settings that agree on most rows, (settings, rows, labels).

    skills: of each setting, its mean margin; 1 is an accuracy of 0.84.
    """
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, rows)
    margin = np.array(skills)[:, None] + 0.9 * random.normal(size=rows) + 0.44 * random.normal(size=(len(skills), rows))
    positive = 1 / (1 + np.exp(np.where(labels, -2, 2) * margin))
    return labels, np.stack([1 - positive, positive], axis=2)


def told(
    labels: np.ndarray, probabilities: np.ndarray, metric: str = "accuracy", unit: np.ndarray | None = None
) -> BestOfMany:
    """Return what the rows say. Independent rows without unit."""
    unit = np.arange(len(labels)) if unit is None else unit
    values, draws = scores_and_draws(labels, probabilities, 1, unit, 0, metric, draws=400)
    sign = -1 if metric == "loss" else 1
    return best_of_many(sign * values, sign * draws, len(np.unique(unit)))


def independent(true: np.ndarray, error: float, seed: int, units: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and draws of settings whose noise is normal and independent, with this standard error."""
    random = np.random.default_rng(seed)
    observed = true + error * random.normal(size=len(true))
    shrunk = np.sqrt((units - 1) / units)  # as draws of a bootstrap are
    return observed, observed[:, None] + error * shrunk * random.normal(size=(len(true), 400))


def test_settings_that_are_equally_good_are_not_told_apart():
    result = told(*outputs([1.0] * 8))
    assert result.not_told_apart.sum() >= 7
    assert result.not_told_apart[result.best]


@pytest.mark.parametrize("metric", ["accuracy", "loss", "f1_macro", "roc_auc"])
def test_a_setting_that_is_clearly_better_stands_alone(metric):
    result = told(*outputs([1.0, 1.0, 1.7, 1.0]), metric)
    assert result.best == 2
    assert result.not_told_apart.tolist() == [False, False, True, False]
    assert 0 <= result.shrinkage < 0.003


def test_a_setting_that_is_clearly_worse_leaves_the_set_and_the_others_stay():
    result = told(*outputs([1.0, 1.0, 0.2, 1.0]))
    assert result.not_told_apart.tolist() == [True, True, False, True]


def test_the_named_best_of_equal_settings_is_in_the_set_in_about_95_of_100_searches():
    hits = [best_of_many(*independent(np.zeros(10), 0.01, seed), units=1000).not_told_apart[0] for seed in range(200)]
    assert 0.95 - 3 * 0.0154 <= np.mean(hits) <= 0.95 + 3 * 0.0154


def test_the_shrinkage_is_what_equal_settings_lose_and_its_error_holds_95_of_100_losses():
    searches = [independent(np.zeros(20), 0.01, seed) for seed in range(100)]
    results = [best_of_many(*search, units=1000) for search in searches]
    lost = np.array([values.max() for values, _ in searches])  # all true scores are 0
    expected = np.array([result.shrinkage for result in results])
    assert np.mean(expected) == pytest.approx(lost.mean(), rel=0.1)
    plain = np.mean([draws.max(axis=0).mean() - values.max() for values, draws in searches])
    assert plain < 0.8 * lost.mean(), "the plain bootstrap takes luck for merit"
    within = np.abs(lost - expected) <= 1.96 * np.array([result.shrinkage_error for result in results])
    assert within.mean() >= 0.95 - 3 * 0.022


def test_true_differences_are_not_taken_for_luck():
    true = np.linspace(0, 0.5, 11)
    result = best_of_many(*independent(true, 0.01, seed=0), units=1000)
    assert result.shrinkage < 0.001
    assert result.true_spread == pytest.approx(true.std(ddof=1), rel=0.05)


def test_the_more_settings_are_tried_the_more_the_best_score_shrinks():
    shrinkages = [
        np.mean([best_of_many(*independent(np.zeros(n), 0.01, seed), units=1000).shrinkage for seed in range(10)])
        for n in (2, 5, 20, 80)
    ]
    assert shrinkages == sorted(shrinkages)
    assert shrinkages[-1] > 2 * shrinkages[0] > 0


def test_rows_that_are_harder_for_all_widen_the_error_and_add_nothing_to_the_shrinkage():
    values, draws = independent(np.zeros(10), 0.01, seed=1)
    shared = 0.05 * np.random.default_rng(2).normal(size=draws.shape[1])
    alone, together = (best_of_many(values, d, units=1000) for d in (draws, draws + shared))
    assert together.shrinkage == pytest.approx(alone.shrinkage, abs=0.003)
    assert together.shrinkage_error > 3 * alone.shrinkage_error
    assert (together.not_told_apart == alone.not_told_apart).all()


def test_one_setting_does_not_shrink_and_is_the_best():
    result = told(*outputs([1.0]))
    assert (result.best, result.not_told_apart.tolist()) == (0, [True])
    assert result.shrinkage == pytest.approx(0, abs=1e-12)
    assert result.shrinkage_error == pytest.approx((0.84 * 0.16 / ROWS) ** 0.5, rel=0.2)


@pytest.mark.parametrize(("skills", "in_set"), [([1.0, 1.05], [True, True]), ([1.8, 1.0], [True, False])])
def test_two_settings_are_told_apart_where_they_differ(skills, in_set):
    assert told(*outputs(skills)).not_told_apart.tolist() == in_set


@pytest.mark.parametrize("metric", ["accuracy", "loss", "f1_macro"])
def test_equal_predictions_are_tied_and_do_not_shrink(metric):
    labels, probabilities = outputs([1.0])
    result = told(labels, np.repeat(probabilities, 5, axis=0), metric)
    assert result.best == 0
    assert result.not_told_apart.all()
    assert result.shrinkage == pytest.approx(0, abs=1e-12)
    assert result.true_spread == 0


def test_a_copy_of_the_best_setting_is_in_the_set_and_changes_nothing_else():
    labels, probabilities = outputs([1.0, 1.8, 1.0])
    result = told(labels, probabilities[[0, 1, 2, 1]])
    assert result.best == 1, "the first of several"
    assert result.not_told_apart.tolist() == [False, True, False, True]


@pytest.mark.parametrize("metric", ["accuracy", "loss", "f1_macro"])
def test_the_order_of_rows_does_not_matter(metric):
    labels, probabilities = outputs([1.0, 1.1, 1.2, 0.6])
    unit, order = np.arange(ROWS) // 2, np.random.default_rng(1).permutation(ROWS)
    before = told(labels, probabilities, metric, unit)
    after = told(labels[order], probabilities[:, order], metric, unit[order])
    assert before.best == after.best
    assert (before.not_told_apart == after.not_told_apart).all()
    assert after.shrinkage == pytest.approx(before.shrinkage, abs=1e-9)
    assert after.shrinkage_error == pytest.approx(before.shrinkage_error, abs=1e-9)


def test_the_order_of_settings_does_not_matter():
    labels, probabilities = outputs([1.0, 1.1, 1.6, 0.6])
    before, after = told(labels, probabilities), told(labels, probabilities[::-1])
    assert after.best == 3 - before.best
    assert (after.not_told_apart[::-1] == before.not_told_apart).all()
    assert after.shrinkage == pytest.approx(before.shrinkage, abs=1e-9)


def test_copies_of_rows_in_one_unit_tell_nothing_more_apart():
    labels, probabilities = outputs([1.0, 1.15, 1.25, 1.3])
    copies = np.repeat(labels, 8), np.repeat(probabilities, 8, axis=1)
    alone, together = told(labels, probabilities), told(*copies, unit=np.repeat(np.arange(ROWS), 8))
    apart = told(*copies)
    assert (together.not_told_apart == alone.not_told_apart).all()
    assert together.shrinkage == pytest.approx(alone.shrinkage, abs=1e-9)
    assert apart.not_told_apart.sum() < alone.not_told_apart.sum()
    assert apart.shrinkage < alone.shrinkage / 2


def test_a_single_unit_tells_nothing():
    labels, probabilities = outputs([0.0, 3.0])
    result = told(labels, probabilities, unit=np.zeros(ROWS, dtype=int))
    assert (result.best, result.not_told_apart.tolist()) == (1, [True, True])
    assert np.isnan([result.shrinkage, result.shrinkage_error, result.true_spread]).all()


@pytest.mark.parametrize(("units", "in_set"), [(2, True), (5, True), (6, False), (30, False)])
def test_units_that_all_favour_one_setting_tell_it_apart_only_if_they_are_many(units, in_set):
    """Five of five units favour one of two equal settings one time in thirty-two; six of six, one in sixty-four."""
    values = np.array([0.0, 1.0])
    result = best_of_many(values, np.repeat(values[:, None], 100, axis=1), units)
    assert result.not_told_apart.tolist() == [in_set, True]


def test_a_setting_without_a_score_is_left_out_and_a_draw_without_one_counts_for_none():
    values, draws = independent(np.array([0.0, 0.1, 0.0, 0.5]), 0.01, seed=0)
    whole = best_of_many(values[:3], draws[:3, 100:], units=1000)
    values[3] = draws[3] = np.nan
    draws[1, :100] = np.nan
    result = best_of_many(values, draws, units=1000)
    assert result.best == whole.best == 1
    assert result.not_told_apart.tolist() == [*whole.not_told_apart, False]
    assert result.shrinkage == whole.shrinkage


def test_too_few_defined_draws_tell_nothing():
    values, draws = independent(np.array([0.0, 0.5, 0.5]), 0.01, seed=0)
    values[2] = np.nan
    draws[0, :200] = np.nan
    result = best_of_many(values, draws, units=1000)
    assert (result.best, result.not_told_apart.tolist()) == (1, [True, True, False])
    assert np.isnan(result.shrinkage)
    with pytest.raises(ValueError, match="needs a score"):
        best_of_many(np.full(2, np.nan), draws[:2], units=1000)


@pytest.mark.parametrize("positive", [1, None])
def test_scores_of_all_rows_and_of_draws_are_those_of_every_metric(positive):
    labels, probabilities = outputs([1.0, 1.2], rows=60)
    expected = [scores(labels, p, positive) for p in probabilities]
    for metric in (*NAMES, "loss"):
        generator = (p for p in probabilities)
        values, draws = scores_and_draws(labels, generator, positive, np.arange(60), 0, metric, draws=20)
        name = "log_loss" if metric == "loss" else metric
        assert values == pytest.approx([one[name] for one in expected], abs=1e-12), metric
        assert draws.shape == (2, 20)
        assert draws.std() > 0


def test_all_settings_have_the_same_draws():
    labels, probabilities = outputs([1.0])
    for metric in ("accuracy", "loss", "f1_macro"):
        _, draws = scores_and_draws(
            labels, np.repeat(probabilities, 3, axis=0), 1, np.arange(ROWS), 0, metric, draws=50
        )
        assert draws == pytest.approx(np.tile(draws[0], (3, 1)), abs=1e-12), metric


def test_given_predictions_take_the_place_of_the_most_probable_labels():
    labels, probabilities = outputs([1.0, 1.0])
    given = [labels, 1 - labels]
    for metric, expected in (("accuracy", [1, 0]), ("f1_macro", [1, 0])):
        values, _ = scores_and_draws(labels, probabilities, 1, np.arange(ROWS), 0, metric, given, draws=5)
        assert values.tolist() == expected


def test_a_metric_that_one_label_leaves_undefined_has_no_best():
    labels, probabilities = outputs([1.0, 1.2])
    values, draws = scores_and_draws(labels * 0, probabilities, 1, np.arange(ROWS), 0, "roc_auc", draws=5)
    assert np.isnan(values).all()
    assert np.isnan(draws).all()


def test_probabilities_that_are_not_finite_are_refused():
    labels, probabilities = outputs([1.0, 1.2])
    probabilities[1, 0] = np.nan
    for metric in ("loss", "f1_macro"):
        with pytest.raises(ValueError, match="finite probabilities"):
            scores_and_draws(labels, probabilities, 1, np.arange(ROWS), 0, metric, draws=5)
