"""The scores of a classifier on one set of rows, computed by scikit-learn and named once for the whole project."""

import numpy as np

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
BINS = 15  # of the calibration error, and one more for probabilities of exactly 1


def checked(labels: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray | None) -> np.ndarray:
    """Return the predictions, decided without a threshold where they are not given. Raises: as `scores`."""
    if not len(labels) or not np.isfinite(probabilities).all():
        raise ValueError("scores need at least one row, and finite probabilities in every row")
    return probabilities.argmax(axis=1) if predicted is None else predicted


def scores(
    labels: np.ndarray, probabilities: np.ndarray, positive: int | None, predicted: np.ndarray | None = None
) -> dict[str, float | None]:
    """Score probabilities, and what was predicted from them, against labels.

    labels: (rows,) int, ids. probabilities: (rows, labels), rows sum to 1. positive: id of the label that precision,
    recall, F1, F2 and the areas speak of; None takes the mean over the labels that occur, as truth or prediction.
    predicted: (rows,) int, what `decide` made of the probabilities; None takes the largest.
    Returns: the scores of NAMES; None where a score is undefined because no label has rows both with and without it.
    Brier is the mean squared error of the positive label's probability, and with many labels the sum over labels
    (Brier, 1950). ECE compares the positive label's probability with how often it is right, and with many labels the
    largest one, as torchmetrics does. Brier, ECE, log loss and the areas speak of the probabilities, whatever was
    predicted.
    Raises: ValueError on NaN or infinite probabilities, or no rows.
    """
    from sklearn import metrics as sk  # takes two seconds, which the schema, a reader of NAMES, is spared

    predicted = checked(labels, probabilities, predicted)
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
    """Each row's part in the Brier score: (rows,)."""
    if positive is not None:
        return (probabilities[:, positive] - (labels == positive)) ** 2
    return ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)


def stated_and_true(
    labels: np.ndarray, probabilities: np.ndarray, positive: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """What calibration compares: each row's stated probability, of the positive label or the largest, and its truth.

    Returns: (rows,) float and (rows,) bool.
    """
    if positive is not None:
        return probabilities[:, positive], labels == positive
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def calibration_bins(
    labels: np.ndarray, probabilities: np.ndarray, positive: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's bin by its stated probability, (rows,) int up to BINS, and its truth less that probability.

    Bins are of equal width, closed below and open above.
    """
    stated, true = stated_and_true(labels, probabilities, positive)
    return np.searchsorted(np.linspace(0, 1, BINS + 1), stated, side="right") - 1, true - stated


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> float:
    """Mean gap between stated probability and how often it is right, over equal-width bins.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3.
    """
    index, gap = calibration_bins(labels, probabilities, positive)
    gaps = np.bincount(index, gap, minlength=BINS + 1)  # each gap times its bin's rows
    return float(np.abs(gaps).sum() / len(labels))


def _mean_over_labels(area, labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> float | None:
    """The area for the positive label, or the mean over the labels that some rows have and others have not."""
    ids = range(probabilities.shape[1]) if positive is None else [positive]
    areas = [area(labels == i, probabilities[:, i]) for i in ids if 0 < (labels == i).sum() < len(labels)]
    return np.mean(areas) if areas else None
