"""Every metric against its definition, on ordinary and degenerate rows."""

import numpy as np
import pytest
from sklearn import metrics as sk

from stages.evaluate.hf_metric import ClassificationScores
from strata.decision import decide
from strata.scoring import LOWER_IS_BETTER, METRICS, NAMES, expected_calibration_error, scores

LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 0])
POSITIVE = np.array([0.1, 0.4, 0.8, 0.9, 0.7, 0.3, 0.6, 0.2])  # predicted: 0 0 1 1 1 0 1 0
TWO = np.stack([1 - POSITIVE, POSITIVE], axis=1)


def test_two_labels_by_hand():
    metrics = scores(LABELS, TWO, positive=1)
    assert metrics["accuracy"] == 6 / 8
    assert metrics["precision"] == 3 / 4
    assert metrics["recall"] == 3 / 4
    assert metrics["f1"] == metrics["f2"] == metrics["f1_macro"] == metrics["f1_weighted"] == 3 / 4
    assert metrics["balanced_accuracy"] == 3 / 4
    assert metrics["mcc"] == pytest.approx(0.5)
    assert metrics["roc_auc"] == 12 / 16  # of 16 pairs of a positive and a negative row, 12 are in order
    assert metrics["brier"] == pytest.approx(np.mean((POSITIVE - LABELS) ** 2), abs=1e-15)
    assert metrics["log_loss"] == pytest.approx(-np.mean(np.log(TWO[range(8), LABELS])), abs=1e-15)


def test_the_positive_label_may_be_the_first():
    metrics = scores(LABELS, TWO, positive=0)
    assert metrics["brier"] == pytest.approx(np.mean((POSITIVE - LABELS) ** 2))
    assert metrics["pr_auc"] == pytest.approx(sk.average_precision_score(LABELS == 0, TWO[:, 0]))
    swapped = scores(1 - LABELS, TWO[:, ::-1], positive=1)
    assert metrics == pytest.approx(swapped, abs=1e-12)


@pytest.mark.parametrize("n_labels", [3, 20])
def test_many_labels_agree_with_scikit_learn(n_labels):
    random = np.random.default_rng(n_labels)
    labels = random.integers(0, n_labels, 400)
    probabilities = random.dirichlet(np.ones(n_labels), 400)
    metrics, predicted = scores(labels, probabilities, positive=None), probabilities.argmax(axis=1)
    assert (
        metrics["f1"]
        == metrics["f1_macro"]
        == pytest.approx(sk.f1_score(labels, predicted, average="macro"), abs=1e-12)
    )
    assert metrics["roc_auc"] == pytest.approx(sk.roc_auc_score(labels, probabilities, multi_class="ovr"), abs=1e-12)
    assert metrics["brier"] == pytest.approx(sk.brier_score_loss(labels, probabilities), abs=1e-12)
    assert metrics["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, predicted), abs=1e-12)


def test_one_predicted_label_gives_zeros_and_no_warning(recwarn):
    metrics = scores(LABELS, np.tile([0.9, 0.1], (8, 1)), positive=1)
    assert metrics["precision"] == metrics["recall"] == metrics["f1"] == metrics["mcc"] == 0
    assert metrics["roc_auc"] == 0.5
    assert not recwarn.list


def test_a_label_without_rows_leaves_undefined_scores_out(recwarn):
    metrics = scores(np.zeros(4, dtype=int), np.tile([0.9, 0.1], (4, 1)), positive=1)
    assert metrics["roc_auc"] is None
    assert metrics["pr_auc"] is None
    assert metrics["accuracy"] == 1
    three = scores(np.array([0, 1, 0, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]] * 2), positive=None)
    assert three["roc_auc"] == 1
    assert three["balanced_accuracy"] == 1
    assert not recwarn.list


def test_calibration_error_by_hand():
    labels, probabilities = np.array([0, 1]), np.array([[0.94, 0.06], [0.96, 0.04]])
    # one bin holds both rows: the mean of the largest is 0.95, of the second label's 0.05, and each is right once
    assert expected_calibration_error(labels, probabilities, None) == pytest.approx(0.45)
    assert expected_calibration_error(labels, probabilities, 1) == pytest.approx(0.45)
    assert expected_calibration_error(1 - labels, probabilities[:, ::-1], 1) == pytest.approx(0.45)
    assert expected_calibration_error(np.array([0]), np.array([[1.0, 0.0]]), None) == 0


def test_the_calibration_error_is_that_of_the_positive_label():
    """The most probable label is right in 6 of 10 rows, as stated, but only one row in ten is positive."""
    probabilities = np.repeat([[0.6, 0.4], [0.4, 0.6]], [70, 30], axis=0)
    labels = np.r_[np.repeat([0, 1], [66, 4]), np.repeat([0, 1], [24, 6])]
    assert expected_calibration_error(labels, probabilities, 1) == pytest.approx(
        0.7 * (0.4 - 4 / 70) + 0.3 * (0.6 - 0.2)
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_probabilities_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="finite probabilities"):
        scores(np.array([0, 1]), np.array([[bad, 0.5], [0.5, 0.5]]), positive=1)


def test_the_positive_label_is_predicted_from_the_threshold_on():
    probabilities = np.array([[0.7, 0.3], [0.71, 0.29], [0.2, 0.8]])
    assert decide(probabilities, 1, 0.3).tolist() == [1, 0, 1]
    assert decide(probabilities, 0, 0.7).tolist() == [0, 0, 1]
    assert decide(probabilities).tolist() == [0, 0, 1]
    assert decide(np.full((1, 3), 1 / 3)).tolist() == [0]
    with pytest.raises(ValueError, match="a threshold needs two labels, one of them positive"):
        decide(np.full((1, 3), 1 / 3), 1, 0.5)


def test_a_threshold_does_not_change_the_metrics_of_probabilities():
    usual, lower = scores(LABELS, TWO, 1), scores(LABELS, TWO, 1, decide(TWO, 1, 0.3))
    assert lower["recall"] == 1
    assert lower["precision"] == 4 / 6
    changed = {name for name in NAMES if usual[name] != lower[name]}
    assert not changed & {"roc_auc", "pr_auc", "brier", "ece", "log_loss"}


def test_scores_do_not_depend_on_the_order_of_rows():
    random = np.random.default_rng(0)
    labels, probabilities, order = random.integers(0, 4, 60), random.dirichlet(np.ones(4), 60), random.permutation(60)
    assert scores(labels[order], probabilities[order], None) == pytest.approx(
        scores(labels, probabilities, None), abs=1e-12
    )


def test_the_metric_of_hugging_faces_evaluate_returns_the_same_scores():
    metric = ClassificationScores(keep_in_memory=True)
    metrics = metric.compute(predictions=TWO.tolist(), references=LABELS.tolist(), positive=1)
    assert metrics == scores(LABELS, TWO, positive=1)
    assert list(metrics) == list(NAMES)


def test_every_metric_has_a_direction():
    assert set(METRICS.values()) == {"higher", "lower"}
    assert set(LOWER_IS_BETTER) == {"loss", "brier", "ece", "log_loss"}
    worse = scores(LABELS, np.stack([POSITIVE, 1 - POSITIVE], axis=1), positive=1)
    for name, value in scores(LABELS, TWO, positive=1).items():
        assert (value > worse[name]) == (METRICS[name] == "higher"), name
