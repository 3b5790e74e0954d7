"""The scores of a classifier on one set of rows, computed by scikit-learn and named once for the whole project."""

import numpy as np
from scipy.stats import binomtest
from sklearn import metrics as sk

NAMES = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "f2",
    "f1_macro",
    "f1_weighted",
    "roc_auc",
    "pr_auc",
    "mcc",
    "balanced_accuracy",
    "brier",
    "ece",
    "log_loss",
)
LOWER_IS_BETTER = ("loss", "brier", "ece", "log_loss")


def scores(labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> dict[str, float | None]:
    """Score probabilities against labels.

    labels: (rows,) int, ids. probabilities: (rows, labels), rows sum to 1; the largest is the prediction.
    positive: id of the label that precision, recall, F1, F2 and the areas speak of; None takes the macro average.
    Returns: the scores of NAMES and a 95% Wilson interval of the accuracy; None where a score is undefined because
    no label has rows both with and without it. Brier is the mean squared error of the positive label's probability,
    and with many labels the sum over labels (Brier, 1950).
    Raises: ValueError on NaN or infinite probabilities, or no rows.
    """
    if not len(labels) or not np.isfinite(probabilities).all():
        raise ValueError("scores need at least one row, and finite probabilities in every row")
    predicted = probabilities.argmax(axis=1)
    ids = np.arange(probabilities.shape[1])
    target = {"average": "macro", "labels": ids} if positive is None else {"average": "binary", "pos_label": positive}
    correct = int((predicted == labels).sum())
    interval = binomtest(correct, len(labels)).proportion_ci(method="wilson")
    one_label = positive is not None
    values = {
        "accuracy": correct / len(labels),
        "accuracy_low": interval.low,
        "accuracy_high": interval.high,
        "precision": sk.precision_score(labels, predicted, zero_division=0, **target),
        "recall": sk.recall_score(labels, predicted, zero_division=0, **target),
        "f1": sk.f1_score(labels, predicted, zero_division=0, **target),
        "f2": sk.fbeta_score(labels, predicted, beta=2, zero_division=0, **target),
        "f1_macro": sk.f1_score(labels, predicted, average="macro", labels=ids, zero_division=0),
        "f1_weighted": sk.f1_score(labels, predicted, average="weighted", labels=ids, zero_division=0),
        "roc_auc": _mean_over_labels(sk.roc_auc_score, labels, probabilities, positive),
        "pr_auc": _mean_over_labels(sk.average_precision_score, labels, probabilities, positive),
        "mcc": sk.matthews_corrcoef(labels, predicted),
        "balanced_accuracy": sk.recall_score(labels, predicted, average="macro", labels=np.unique(labels)),
        "brier": np.mean((probabilities[:, positive] - (labels == positive)) ** 2)
        if one_label
        else np.mean(((probabilities - np.eye(len(ids))[labels]) ** 2).sum(axis=1)),
        "ece": expected_calibration_error(labels, probabilities),
        "log_loss": sk.log_loss(labels, probabilities, labels=ids),
    }
    return {name: None if value is None else float(value) for name, value in values.items()}


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of the predicted label's probability.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3; bins are open below, closed above.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(index, correct - confidence, minlength=bins)  # (bins,), each gap times its bin's rows
    return float(np.abs(gaps).sum() / len(labels))


def _mean_over_labels(area, labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> float | None:
    """The area for the positive label, or the mean over the labels that some rows have and others have not."""
    ids = range(probabilities.shape[1]) if positive is None else [positive]
    areas = [area(labels == i, probabilities[:, i]) for i in ids if 0 < (labels == i).sum() < len(labels)]
    return np.mean(areas) if areas else None
