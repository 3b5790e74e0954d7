"""What evaluate says before any score."""

import numpy as np
import pandas as pd
import pytest

from stages.evaluate.cautions import Facts, cautions
from stages.evaluate.measure import Measures, split_scores, verdicts
from stages.evaluate.scored_rows import ScoredRows
from stages.train.validation import is_best
from strata.labels import Labels
from strata.training.counters import Counters

LABELS = Labels(["no", "yes"], "yes")
FALLING, FLAT = pd.DataFrame({"loss": [0.9, 0.8, 0.7]}), pd.DataFrame({"loss": [0.9, 0.5, 0.497]})


def rows(truth: np.ndarray, yes: np.ndarray, threshold: float = 0.5) -> ScoredRows:
    probabilities = np.stack([1 - yes, yes], axis=1)
    predicted = (yes >= threshold).astype(int)
    return ScoredRows(np.arange(len(truth)), truth, probabilities, probabilities, predicted, np.arange(len(truth)))


def facts(test: ScoredRows, validation=None, goal=None, before=None, training=FLAT, threshold=None) -> Facts:
    validation = validation or test
    of_split = {"test": test, "validation": validation}
    scores = {("fp32", name): split_scores(some, 1, threshold, 0) for name, some in of_split.items()}
    scores["uncalibrated", "test"] = split_scores(before or test, 1, None, 0)
    share = test.label.mean()
    majority = {"majority": np.tile([1 - share, share], (len(test.label), 1))}
    measures = Measures(scores, pd.DataFrame(), verdicts(test, majority, 1, 0), {})
    return Facts(measures, test, validation, LABELS, goal, training)


def learned(truth: np.ndarray, skill: float, seed: int = 0) -> np.ndarray:
    """Probabilities of "yes" that tell the truth by so much."""
    return np.clip(0.5 + skill * (truth - 0.5) + np.random.default_rng(seed).normal(0, 0.15, len(truth)), 0.01, 0.99)


TRUTH = np.arange(300) % 3 // 2  # a third is "yes"


def test_a_good_model_is_not_cautioned():
    assert cautions(facts(rows(TRUTH, learned(TRUTH, 0.8)))) == []


def test_a_model_that_gives_all_rows_one_label_is_told_first():
    first, *others = cautions(facts(rows(TRUTH, np.full(300, 0.3)), training=FALLING))
    assert first.startswith(
        "the model gives every one of 300 test rows the label no: its scores are those of that label"
    )
    assert [other.split(" while")[0] for other in others] == ["training ended"]


def test_a_model_that_is_no_better_than_the_most_frequent_label_is_told():
    (told,) = cautions(facts(rows(TRUTH, learned(TRUTH, 0.0))))
    assert "is no better than always giving the most frequent label: " in told
    assert "rank texts better than chance" not in told


def test_a_rare_label_may_be_ranked_well_though_accuracy_is_no_better():
    truth = (np.arange(400) % 40 == 0).astype(int)
    (told,) = cautions(facts(rows(truth, 0.45 * learned(truth, 0.6))))
    assert told.startswith("the model gives every one of 400 test rows the label no")
    (told,) = cautions(facts(rows(truth, 0.75 * learned(truth, 0.4))))
    assert "it does rank texts better than chance (ROC-AUC 0." in told
    threshold, yes = 0.3, 0.75 * learned(truth, 0.4)
    with_goal = facts(rows(truth, yes, threshold), goal="f2", threshold=threshold)
    assert cautions(with_goal) == [], "a goal may give accuracy up"


def test_a_goal_that_is_missed_on_test_rows_says_by_how_much():
    validation = rows(TRUTH, learned(TRUTH, 0.9))
    missed = facts(rows(TRUTH, learned(TRUTH, 0.35)), validation, "precision >= 0.95", threshold=0.5)
    told = next(sentence for sentence in cautions(missed) if "evaluate.goal" in sentence)
    precision = missed.measures.scores["fp32", "test"]["precision"]
    assert told.startswith(
        f"evaluate.goal precision >= 0.95 is missed on test rows by {100 * (0.95 - precision):.1f} points: precision "
        f"{precision:.3f} (0."
    )
    assert f"of {validation.predicted.sum()} rows" in told
    assert not cautions(facts(validation, validation, "precision >= 0.5", threshold=0.5))


@pytest.mark.parametrize(("training", "told"), [(FALLING, True), (FLAT, False), (FALLING[:1], False)])
def test_training_that_ended_too_early_is_told(training, told):
    found = cautions(facts(rows(TRUTH, learned(TRUTH, 0.8)), training=training))
    assert any("train longer" in sentence for sentence in found) == told


def test_calibration_that_made_the_error_larger_is_told():
    good = rows(TRUTH, learned(TRUTH, 0.8))
    told = cautions(facts(rows(TRUTH, 0.5 + 0.1 * (good.probabilities[:, 1] - 0.5)), before=good))
    assert any(
        "made the calibration error on test rows larger" in sentence and "log loss rose from" in sentence
        for sentence in told
    )


def test_of_evaluations_with_equal_scores_the_one_with_the_lower_loss_is_best():
    counters = Counters(validation=[{"step": 1, "accuracy": 0.8, "loss": 0.5}], best_step=1)
    assert is_best({"accuracy": 0.8, "loss": 0.4}, counters, "accuracy")
    assert not is_best({"accuracy": 0.8, "loss": 0.5}, counters, "accuracy"), "the earlier of equals"
    assert not is_best({"accuracy": 0.8, "loss": 0.6}, counters, "accuracy")
    assert not is_best({"accuracy": 0.7, "loss": 0.1}, counters, "accuracy")
    assert is_best({"accuracy": 0.7, "loss": 0.4}, counters, "loss")


def test_a_bounded_error_is_not_evaluates_and_excuses_no_model_that_is_no_better():
    truth = (np.arange(400) % 40 == 0).astype(int)
    (told,) = cautions(facts(rows(truth, 0.75 * learned(truth, 0.4)), goal="error <= 0.01"))
    assert "is no better than always giving the most frequent label" in told


@pytest.mark.parametrize(("skill", "is_told"), [(0.1, True), (0.8, False)])
def test_a_model_that_is_worse_than_tfidf_is_told(skill, is_told):
    ours, others = rows(TRUTH, learned(TRUTH, skill)), learned(TRUTH, 0.7, seed=1)
    found = facts(ours)
    tfidf = verdicts(ours, {"tfidf": np.stack([1 - others, others], axis=1)}, 1, 0)
    measures = found.measures._replace(verdicts=pd.concat([found.measures.verdicts, tfidf], ignore_index=True))
    told = [sentence for sentence in cautions(found._replace(measures=measures)) if sentence.startswith("TF-IDF beats")]
    assert bool(told) == is_told
    assert not told or "which is worse by " in told[0]
