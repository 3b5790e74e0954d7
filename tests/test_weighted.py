"""Every metric, plain and weighted, equals scikit-learn's on random and degenerate rows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torchmetrics.functional.classification import binary_calibration_error

from strata.decision import decide
from strata.intervals import weighted
from strata.intervals.weighted import weighted_scores
from strata.scoring import NAMES, scores


@st.composite
def tables(draw):
    """Return labels, probabilities, the positive label, predictions, weights; with single rows, ties, absent labels."""
    n_labels = draw(st.sampled_from([2, 2, 3, 20]))
    rows = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    present = draw(st.integers(1, n_labels))  # labels that some row may have
    labels = random.integers(0, present, rows)
    # few levels, so that probabilities tie; with 8 and 20 labels most are 0
    probabilities = (
        random.integers(0, draw(st.sampled_from([2, 8, 10**9])), (rows, n_labels)) + np.eye(n_labels)[labels] * 0.37
    )
    probabilities[probabilities.sum(axis=1) == 0] = 1
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    positive = draw(st.sampled_from([0, 1, None])) if n_labels == 2 else None
    predicted = {
        "largest": decide(probabilities),
        "one label": np.full(rows, draw(st.integers(0, n_labels - 1))),
        "threshold": decide(probabilities, positive, 0.25) if positive is not None else decide(probabilities),
    }[draw(st.sampled_from(["largest", "one label", "threshold"]))]
    weights = random.integers(0, draw(st.sampled_from([2, 4])), (2, rows))
    weights[weights.sum(axis=1) == 0] = 1
    return labels, probabilities, positive, predicted, weights


def calibration_error(labels, probabilities, positive, weights) -> float:
    """Return torchmetrics' error of rows repeated by weight; its version for many labels would round to 32 bits."""
    labels, probabilities = (np.repeat(array, weights, axis=0) for array in (labels, probabilities))
    stated = probabilities.max(axis=1) if positive is None else probabilities[:, positive]
    true = probabilities.argmax(axis=1) == labels if positive is None else labels == positive
    stated, true = torch.from_numpy(stated.copy()), torch.from_numpy(true.astype(int))
    return binary_calibration_error(stated, true, n_bins=15).item()


def scikit_learn_scores(labels, probabilities, positive, predicted, weights) -> dict[str, float]:
    """Return each metric by scikit-learn with sample_weight; NaN where undefined."""
    ids, w = np.arange(probabilities.shape[1]), {"sample_weight": weights}
    used = weights > 0
    occurring = np.union1d(labels[used], predicted[used])
    target = {"average": "binary", "pos_label": positive}
    if positive is None:
        target = {"average": "macro", "labels": occurring}
    if positive is not None and positive not in labels and positive not in predicted:
        target = {"average": "macro", "labels": [positive]}  # "binary" refuses a label that no row has
    both_sides = [i for i in ids if 0 < (labels[used] == i).sum() < used.sum() and positive in (i, None)]
    squared = (probabilities - np.eye(len(ids))[labels]) ** 2
    squared = squared.sum(axis=1) if positive is None else squared[:, positive]
    return {
        "accuracy": sk.accuracy_score(labels, predicted, **w),
        "precision": sk.precision_score(labels, predicted, zero_division=0, **target, **w),
        "recall": sk.recall_score(labels, predicted, zero_division=0, **target, **w),
        "f1": sk.f1_score(labels, predicted, zero_division=0, **target, **w),
        "f2": sk.fbeta_score(labels, predicted, beta=2, zero_division=0, **target, **w),
        "f1_macro": sk.f1_score(labels, predicted, average="macro", labels=occurring, zero_division=0, **w),
        "f1_weighted": sk.f1_score(labels, predicted, average="weighted", labels=ids, zero_division=0, **w),
        "roc_auc": np.mean([sk.roc_auc_score(labels == i, probabilities[:, i], **w) for i in both_sides])
        if both_sides
        else np.nan,
        "pr_auc": np.mean([sk.average_precision_score(labels == i, probabilities[:, i], **w) for i in both_sides])
        if both_sides
        else np.nan,
        "mcc": sk.matthews_corrcoef(labels, predicted, **w),
        "balanced_accuracy": sk.recall_score(
            labels, predicted, average="macro", labels=np.unique(labels[used]), zero_division=0, **w
        ),
        "brier": np.average(squared, weights=weights),
        "ece": calibration_error(labels, probabilities, positive, weights),
        "log_loss": sk.log_loss(labels, probabilities, labels=ids, **w),
    }


@pytest.mark.filterwarnings("ignore:A single label was found")  # of scikit-learn, in the reference
@settings(max_examples=50, deadline=None)
@given(tables())
def test_weighted_scores_are_those_of_scikit_learn(table):
    labels, probabilities, positive, predicted, weights = table
    values_of = weighted_scores(labels, probabilities, positive, weights, predicted)
    assert list(values_of) == list(NAMES)
    for i, weight in enumerate(weights):
        expected = scikit_learn_scores(labels, probabilities, positive, predicted, weight)
        assert {name: values[i] for name, values in values_of.items()} == pytest.approx(
            expected, abs=1e-12, nan_ok=True
        )


@pytest.mark.filterwarnings("ignore:A single label was found")  # of scikit-learn, in the reference
@settings(max_examples=50, deadline=None)
@given(tables())
def test_scores_are_those_of_scikit_learn_and_of_weights_of_one(table):
    labels, probabilities, positive, predicted, _ = table
    one = np.ones((1, len(labels)), dtype=int)
    plain = scores(labels, probabilities, positive, predicted)
    expected = scikit_learn_scores(labels, probabilities, positive, predicted, one[0])
    weighted_by_one = {
        name: values[0] for name, values in weighted_scores(labels, probabilities, positive, one, predicted).items()
    }
    for name, value in plain.items():
        assert (np.nan if value is None else value) == pytest.approx(expected[name], abs=1e-12, nan_ok=True), name
        assert weighted_by_one[name] == pytest.approx(expected[name], abs=1e-12, nan_ok=True), name


def test_a_weight_counts_as_a_row_repeated():
    random = np.random.default_rng(0)
    labels, probabilities, weight = (
        random.integers(0, 2, 50),
        random.dirichlet([1, 1], 50).round(1),
        random.integers(0, 4, 50),
    )
    values_of = weighted_scores(labels, probabilities, 1, weight[None])
    table = scores(np.repeat(labels, weight), np.repeat(probabilities, weight, axis=0), 1)
    assert {name: values[0] for name, values in values_of.items()} == pytest.approx(table, abs=1e-12)


def test_scores_do_not_depend_on_how_many_draws_are_processed_at_a_time(monkeypatch):
    random = np.random.default_rng(0)
    labels, probabilities, weights = (
        random.integers(0, 3, 20),
        random.dirichlet(np.ones(3), 20),
        random.integers(0, 3, (7, 20)),
    )
    whole = weighted_scores(labels, probabilities, None, weights)
    monkeypatch.setattr(weighted, "CELLS", 60)  # three draws of 20 rows
    parts = weighted_scores(labels, probabilities, None, weights)
    assert all(whole[name] == pytest.approx(parts[name], abs=1e-14, nan_ok=True) for name in NAMES)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_probabilities_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="finite probabilities"):
        weighted_scores(np.array([0, 1]), np.array([[bad, 0.5], [0.5, 0.5]]), 1, np.ones((1, 2)))


def test_metrics_asked_for_alone_are_those_of_all():
    random = np.random.default_rng(0)
    labels, probabilities = random.integers(0, 3, 50), random.dirichlet([1, 1, 1], 50)
    weights = random.integers(0, 3, (4, 50))
    every = weighted_scores(labels, probabilities, None, weights)
    for names in (["f1_macro"], ["pr_auc", "accuracy"]):
        asked = weighted_scores(labels, probabilities, None, weights, names=names)
        assert list(asked) == names
        assert all((asked[name] == every[name]).all() for name in names)
