"""Every score against its definition, on ordinary and degenerate rows."""

import numpy as np
import pytest
from sklearn import metrics as sk

from stages.evaluate.metric import ClassificationScores
from strata.decision import decide
from strata.scoring import NAMES, expected_calibration_error, scores

LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 0])
POSITIVE = np.array([0.1, 0.4, 0.8, 0.9, 0.7, 0.3, 0.6, 0.2])  # predicted: 0 0 1 1 1 0 1 0
TWO = np.stack([1 - POSITIVE, POSITIVE], axis=1)


def test_two_labels_by_hand():
    found = scores(LABELS, TWO, positive=1)
    assert found["accuracy"] == 6 / 8
    assert found["precision"] == 3 / 4
    assert found["recall"] == 3 / 4
    assert found["f1"] == found["f2"] == found["f1_macro"] == found["f1_weighted"] == 3 / 4
    assert found["balanced_accuracy"] == 3 / 4
    assert found["mcc"] == pytest.approx(0.5)
    assert found["roc_auc"] == 12 / 16  # of 16 pairs of a positive and a negative row, 12 are in order
    assert found["brier"] == pytest.approx(np.mean((POSITIVE - LABELS) ** 2), abs=1e-15)
    assert found["log_loss"] == pytest.approx(-np.mean(np.log(TWO[range(8), LABELS])), abs=1e-15)


def test_the_positive_label_may_be_the_first():
    found = scores(LABELS, TWO, positive=0)
    assert found["brier"] == pytest.approx(np.mean((POSITIVE - LABELS) ** 2))
    assert found["pr_auc"] == pytest.approx(sk.average_precision_score(LABELS == 0, TWO[:, 0]))
    swapped = scores(1 - LABELS, TWO[:, ::-1], positive=1)
    assert found == pytest.approx(swapped, abs=1e-12)


@pytest.mark.parametrize("n_labels", [3, 20])
def test_many_labels_agree_with_scikit_learn(n_labels):
    random = np.random.default_rng(n_labels)
    labels = random.integers(0, n_labels, 400)
    shares = random.dirichlet(np.ones(n_labels), 400)
    found, predicted = scores(labels, shares, positive=None), shares.argmax(axis=1)
    assert found["f1"] == found["f1_macro"] == pytest.approx(sk.f1_score(labels, predicted, average="macro"), abs=1e-12)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(labels, shares, multi_class="ovr"), abs=1e-12)
    assert found["brier"] == pytest.approx(sk.brier_score_loss(labels, shares), abs=1e-12)
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, predicted), abs=1e-12)


def test_one_predicted_label_gives_zeros_and_no_warning(recwarn):
    found = scores(LABELS, np.tile([0.9, 0.1], (8, 1)), positive=1)
    assert found["precision"] == found["recall"] == found["f1"] == found["mcc"] == 0
    assert found["roc_auc"] == 0.5
    assert not recwarn.list


def test_a_label_without_rows_leaves_undefined_scores_out(recwarn):
    found = scores(np.zeros(4, dtype=int), np.tile([0.9, 0.1], (4, 1)), positive=1)
    assert found["roc_auc"] is None
    assert found["pr_auc"] is None
    assert found["accuracy"] == 1
    three = scores(np.array([0, 1, 0, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]] * 2), positive=None)
    assert three["roc_auc"] == 1
    assert three["balanced_accuracy"] == 1
    assert not recwarn.list


def test_calibration_error_by_hand():
    labels, shares = np.array([0, 1]), np.array([[0.94, 0.06], [0.96, 0.04]])
    # one bin holds both rows: the largest is 0.95 in the mean and right once, the second's 0.05 and right once
    assert expected_calibration_error(labels, shares, None) == pytest.approx(0.45)
    assert expected_calibration_error(labels, shares, 1) == pytest.approx(0.45)
    assert expected_calibration_error(1 - labels, shares[:, ::-1], 1) == pytest.approx(0.45)
    assert expected_calibration_error(np.array([0]), np.array([[1.0, 0.0]]), None) == 0


def test_a_balanced_model_is_right_as_often_as_it_says_but_not_about_the_positive_label():
    """Half of all rows at 0.6, half at 0.4, and 6 in 10 right, but one in ten positive."""
    shares = np.repeat([[0.6, 0.4], [0.4, 0.6]], [70, 30], axis=0)
    labels = np.r_[np.repeat([0, 1], [66, 4]), np.repeat([0, 1], [24, 6])]
    assert expected_calibration_error(labels, shares, 1) == pytest.approx(0.7 * (0.4 - 4 / 70) + 0.3 * (0.6 - 0.2))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="finite probabilities"):
        scores(np.array([0, 1]), np.array([[bad, 0.5], [0.5, 0.5]]), positive=1)


def test_a_threshold_decides_for_the_positive_label_from_it_on():
    shares = np.array([[0.7, 0.3], [0.71, 0.29], [0.2, 0.8]])
    assert decide(shares, 1, 0.3).tolist() == [1, 0, 1]
    assert decide(shares, 0, 0.7).tolist() == [0, 0, 1]
    assert decide(shares).tolist() == [0, 0, 1]
    assert decide(np.full((1, 3), 1 / 3)).tolist() == [0]
    with pytest.raises(ValueError, match="a threshold needs two labels, one of them positive"):
        decide(np.full((1, 3), 1 / 3), 1, 0.5)


def test_a_decision_changes_the_scores_of_decisions_and_no_other():
    usual, lower = scores(LABELS, TWO, 1), scores(LABELS, TWO, 1, decide(TWO, 1, 0.3))
    assert lower["recall"] == 1
    assert lower["precision"] == 4 / 6
    changed = {name for name in NAMES if usual[name] != lower[name]}
    assert not changed & {"roc_auc", "pr_auc", "brier", "ece", "log_loss"}


def test_the_order_of_rows_changes_no_score():
    random = np.random.default_rng(0)
    labels, shares, order = random.integers(0, 4, 60), random.dirichlet(np.ones(4), 60), random.permutation(60)
    assert scores(labels[order], shares[order], None) == pytest.approx(scores(labels, shares, None), abs=1e-12)


def test_the_metric_of_evaluate_gives_the_same_scores():
    metric = ClassificationScores(keep_in_memory=True)
    found = metric.compute(predictions=TWO.tolist(), references=LABELS.tolist(), positive=1)
    assert found == scores(LABELS, TWO, positive=1)
    assert list(found) == list(NAMES)
