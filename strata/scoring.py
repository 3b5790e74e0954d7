"""The metrics of a classifier: one table of names for the whole project, and their values by scikit-learn.

A new one is added to METRICS and `scores`, to strata/intervals/weighted.py (the same with row weights), and to
stages/report/glossary.toml (what it means).
"""

import numpy as np

METRICS = {
    "accuracy": "higher",
    "precision": "higher",
    "recall": "higher",
    "f1": "higher",
    "f2": "higher",
    "f1_macro": "higher",
    "f1_weighted": "higher",
    "roc_auc": "higher",
    "pr_auc": "higher",
    "mcc": "higher",
    "balanced_accuracy": "higher",
    "brier": "lower",
    "ece": "lower",
    "log_loss": "lower",
}
"""Every metric by name, and whether a higher or a lower value is better. `scores` computes them in this order."""
NAMES = tuple(METRICS)
# train.best_metric calls the log loss of validation rows `loss`
LOWER_IS_BETTER = ("loss", *(name for name, better in METRICS.items() if better == "lower"))
HEADLINES = ("accuracy", "f1_macro")
"""In metrics/*.json, which people compare run by run."""
BINS = 15  # of the calibration error; probabilities of exactly 1 have one more


def checked_predictions(
    labels: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray | None = None
) -> np.ndarray:
    """Return the predictions, (rows,) int: without `predicted`, the label with the largest probability.

    Raises: ValueError as `scores`.
    """
    if not len(labels) or not np.isfinite(probabilities).all():
        raise ValueError("scores need at least one row, and finite probabilities in every row")
    return probabilities.argmax(axis=1) if predicted is None else predicted


def scores(
    labels: np.ndarray, probabilities: np.ndarray, positive: int | None, predicted: np.ndarray | None = None
) -> dict[str, float | None]:
    """Return every metric of METRICS by name; None where it is undefined because no label has positives and negatives.

    labels: (rows,) int, label ids. probabilities: (rows, labels), rows sum to 1. predicted: (rows,) int, what `decide`
    returned for the probabilities; None predicts the label with the largest probability.
    positive: id of the label that precision, recall, F1, F2 and the areas are computed for. None takes their mean over
    the labels that occur, as true or predicted label.
    Brier is the mean squared error of the positive label's probability; with many labels, the sum over labels (Brier,
    1950). ECE is that of the positive label's probability; with many labels, of the largest, as in torchmetrics. Brier,
    ECE, log loss and the areas depend on the probabilities alone.
    Raises: ValueError on NaN or infinite probabilities, or without rows.
    """
    from sklearn import metrics as sk  # takes two seconds; the schema, which reads NAMES, must not wait for it

    predicted = checked_predictions(labels, probabilities, predicted)
    ids, occurring = np.arange(probabilities.shape[1]), np.union1d(labels, predicted)
    target = {"average": "binary", "pos_label": positive}
    if positive is None:
        target = {"average": "macro", "labels": occurring}
    values = {
        "accuracy": (predicted == labels).mean(),
        "precision": sk.precision_score(labels, predicted, zero_division=0, **target),
        "recall": sk.recall_score(labels, predicted, zero_division=0, **target),
        "f1": sk.f1_score(labels, predicted, zero_division=0, **target),
        "f2": sk.fbeta_score(labels, predicted, beta=2, zero_division=0, **target),
        "f1_macro": sk.f1_score(labels, predicted, average="macro", labels=occurring, zero_division=0),
        "f1_weighted": sk.f1_score(labels, predicted, average="weighted", labels=ids, zero_division=0),
        "roc_auc": _mean_over_labels(sk.roc_auc_score, labels, probabilities, positive),
        "pr_auc": _mean_over_labels(sk.average_precision_score, labels, probabilities, positive),
        "mcc": sk.matthews_corrcoef(labels, predicted) if len(np.union1d(labels, predicted)) > 1 else 0,
        "balanced_accuracy": sk.recall_score(labels, predicted, average="macro", labels=np.unique(labels)),
        "brier": squared_errors(labels, probabilities, positive).mean(),
        "ece": expected_calibration_error(labels, probabilities, positive),
        "log_loss": sk.log_loss(labels, probabilities, labels=ids),
    }
    return {name: None if value is None else float(value) for name, value in values.items()}


def squared_errors(labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> np.ndarray:
    """Return each row's term of the Brier score: (rows,)."""
    if positive is not None:
        return (probabilities[:, positive] - (labels == positive)) ** 2
    return ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)


def confidence_and_truth(
    labels: np.ndarray, probabilities: np.ndarray, positive: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return what calibration compares: each row's confidence, (rows,) float, and whether it is right, (rows,) bool.

    The confidence is the probability of the positive label, right where that is the true label; with many labels, the
    largest probability, right where its label is the true one.
    """
    if positive is not None:
        return probabilities[:, positive], labels == positive
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def calibration_bins(
    labels: np.ndarray, probabilities: np.ndarray, positive: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bin of each row's confidence, (rows,) int, 0 to BINS; and 1 or 0 (right or not) minus the confidence.

    Bins are of equal width, closed below and open above.
    """
    confidence, is_right = confidence_and_truth(labels, probabilities, positive)
    return np.searchsorted(np.linspace(0, 1, BINS + 1), confidence, side="right") - 1, is_right - confidence


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> float:
    """Return the mean gap between confidence and the share that is right, over equal-width bins.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3.
    """
    bins, gaps = calibration_bins(labels, probabilities, positive)
    gap_of_bin = np.bincount(bins, gaps, minlength=BINS + 1)  # times the bin's number of rows
    return float(np.abs(gap_of_bin).sum() / len(labels))


def _mean_over_labels(area, labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> float | None:
    """Return the area of the positive label, or the mean over all labels that have positives and negatives."""
    ids = range(probabilities.shape[1]) if positive is None else [positive]
    areas = [area(labels == i, probabilities[:, i]) for i in ids if 0 < (labels == i).sum() < len(labels)]
    return np.mean(areas) if areas else None
