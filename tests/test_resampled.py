"""Every score, plain and weighted, against scikit-learn's, on random and degenerate rows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torchmetrics.functional.classification import binary_calibration_error

from strata.decision import decide
from strata.intervals import weighted as module
from strata.intervals.weighted import resampled
from strata.scoring import NAMES, scores


@st.composite
def tables(draw):
    """Labels, probabilities, the positive label, predictions and weights: one row, ties, absent labels and the like."""
    n_labels = draw(st.sampled_from([2, 2, 3, 20]))
    rows = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    present = draw(st.integers(1, n_labels))  # labels that some row may have
    labels = random.integers(0, present, rows)
    # few levels, so that probabilities tie; with 8 and 20 labels most are 0
    shares = (
        random.integers(0, draw(st.sampled_from([2, 8, 10**9])), (rows, n_labels)) + np.eye(n_labels)[labels] * 0.37
    )
    shares[shares.sum(axis=1) == 0] = 1
    shares = shares / shares.sum(axis=1, keepdims=True)
    positive = draw(st.sampled_from([0, 1, None])) if n_labels == 2 else None
    predicted = {
        "largest": decide(shares),
        "one label": np.full(rows, draw(st.integers(0, n_labels - 1))),
        "threshold": decide(shares, positive, 0.25) if positive is not None else decide(shares),
    }[draw(st.sampled_from(["largest", "one label", "threshold"]))]
    weights = random.integers(0, draw(st.sampled_from([2, 4])), (2, rows))
    weights[weights.sum(axis=1) == 0] = 1
    return labels, shares, positive, predicted, weights


def calibration_error(labels, shares, positive, weights) -> float:
    """By torchmetrics, each row as often as its weight says; its version for many labels rounds to 32 bits."""
    labels, shares = (np.repeat(array, weights, axis=0) for array in (labels, shares))
    stated = shares.max(axis=1) if positive is None else shares[:, positive]
    true = shares.argmax(axis=1) == labels if positive is None else labels == positive
    stated, true = torch.from_numpy(stated.copy()), torch.from_numpy(true.astype(int))
    return binary_calibration_error(stated, true, n_bins=15).item()


def of_scikit_learn(labels, shares, positive, predicted, weights) -> dict[str, float]:
    """The same names, each by scikit-learn with sample_weight; NaN where undefined."""
    ids, w = np.arange(shares.shape[1]), {"sample_weight": weights}
    used = weights > 0
    occurring = np.union1d(labels[used], predicted[used])
    target = {"average": "binary", "pos_label": positive}
    if positive is None:
        target = {"average": "macro", "labels": occurring}
    if positive is not None and positive not in labels and positive not in predicted:
        target = {"average": "macro", "labels": [positive]}  # "binary" refuses a label that no row has
    split = [i for i in ids if 0 < (labels[used] == i).sum() < used.sum() and positive in (i, None)]
    squared = (shares - np.eye(len(ids))[labels]) ** 2
    squared = squared.sum(axis=1) if positive is None else squared[:, positive]
    return {
        "accuracy": sk.accuracy_score(labels, predicted, **w),
        "precision": sk.precision_score(labels, predicted, zero_division=0, **target, **w),
        "recall": sk.recall_score(labels, predicted, zero_division=0, **target, **w),
        "f1": sk.f1_score(labels, predicted, zero_division=0, **target, **w),
        "f2": sk.fbeta_score(labels, predicted, beta=2, zero_division=0, **target, **w),
        "f1_macro": sk.f1_score(labels, predicted, average="macro", labels=occurring, zero_division=0, **w),
        "f1_weighted": sk.f1_score(labels, predicted, average="weighted", labels=ids, zero_division=0, **w),
        "roc_auc": np.mean([sk.roc_auc_score(labels == i, shares[:, i], **w) for i in split]) if split else np.nan,
        "pr_auc": np.mean([sk.average_precision_score(labels == i, shares[:, i], **w) for i in split])
        if split
        else np.nan,
        "mcc": sk.matthews_corrcoef(labels, predicted, **w),
        "balanced_accuracy": sk.recall_score(
            labels, predicted, average="macro", labels=np.unique(labels[used]), zero_division=0, **w
        ),
        "brier": np.average(squared, weights=weights),
        "ece": calibration_error(labels, shares, positive, weights),
        "log_loss": sk.log_loss(labels, shares, labels=ids, **w),
    }


@pytest.mark.filterwarnings("ignore:A single label was found")  # of scikit-learn, in the reference
@settings(max_examples=50, deadline=None)
@given(tables())
def test_weighted_scores_are_those_of_scikit_learn(table):
    labels, shares, positive, predicted, weights = table
    found = resampled(labels, shares, positive, weights, predicted)
    assert list(found) == list(NAMES)
    for i, weight in enumerate(weights):
        expected = of_scikit_learn(labels, shares, positive, predicted, weight)
        assert {name: values[i] for name, values in found.items()} == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.filterwarnings("ignore:A single label was found")  # of scikit-learn, in the reference
@settings(max_examples=50, deadline=None)
@given(tables())
def test_scores_are_those_of_scikit_learn_and_of_weights_of_one(table):
    labels, shares, positive, predicted, _ = table
    one = np.ones((1, len(labels)), dtype=int)
    found = scores(labels, shares, positive, predicted)
    expected = of_scikit_learn(labels, shares, positive, predicted, one[0])
    again = {name: values[0] for name, values in resampled(labels, shares, positive, one, predicted).items()}
    for name, value in found.items():
        assert (np.nan if value is None else value) == pytest.approx(expected[name], abs=1e-12, nan_ok=True), name
        assert again[name] == pytest.approx(expected[name], abs=1e-12, nan_ok=True), name


def test_a_weight_is_a_row_repeated():
    random = np.random.default_rng(0)
    labels, shares, weight = random.integers(0, 2, 50), random.dirichlet([1, 1], 50).round(1), random.integers(0, 4, 50)
    found = resampled(labels, shares, 1, weight[None])
    table = scores(np.repeat(labels, weight), np.repeat(shares, weight, axis=0), 1)
    assert {name: values[0] for name, values in found.items()} == pytest.approx(table, abs=1e-12)


def test_draws_do_not_depend_on_how_many_are_worked_on_at_a_time(monkeypatch):
    random = np.random.default_rng(0)
    labels, shares, weights = (
        random.integers(0, 3, 20),
        random.dirichlet(np.ones(3), 20),
        random.integers(0, 3, (7, 20)),
    )
    whole = resampled(labels, shares, None, weights)
    monkeypatch.setattr(module, "CELLS", 60)  # three draws of 20 rows
    parts = resampled(labels, shares, None, weights)
    assert all(whole[name] == pytest.approx(parts[name], abs=1e-14, nan_ok=True) for name in NAMES)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="finite probabilities"):
        resampled(np.array([0, 1]), np.array([[bad, 0.5], [0.5, 0.5]]), 1, np.ones((1, 2)))
