"""The curves and counts behind the plots, thinned so that a page with many rows still opens."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from strata.base import files
from strata.labels import MEAN_OF_LABELS, Labels
from strata.scoring import stated_and_true

POINTS = 500  # points of a curve, at most
CURVE_BINS = 10  # of the reliability curve


def _thin(curve: pd.DataFrame) -> pd.DataFrame:
    """Keep both ends and evenly spaced points between them."""
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, POINTS).round().astype(int))]


def _each_label(labels: Labels, truth: np.ndarray):
    """The positive label, or each of many against the rest where some rows have it and others have not."""
    for label, name in enumerate(labels.names):
        if labels.positive in (name, None) and 0 < (truth == label).sum() < len(truth):
            yield label, name


def _with_mean(parts: list[pd.DataFrame], x: str, y: str) -> pd.DataFrame:
    """One label's curve, or those of many with the mean of y over them at each x before them. parts: by rising x."""
    if len(parts) < 2:
        return parts[0] if parts else pd.DataFrame(columns=["label", x, y])
    grid = np.linspace(0, 1, POINTS)
    mean = np.mean([np.interp(grid, part[x], part[y]) for part in parts], axis=0)
    return pd.concat([pd.DataFrame({"label": MEAN_OF_LABELS, x: grid, y: mean}), *parts])


def roc(labels: Labels, truth: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Columns label, false_positive_rate, true_positive_rate. truth: (rows,); probabilities: (rows, labels)."""
    parts = []
    for label, name in _each_label(labels, truth):
        fpr, tpr, _ = roc_curve(truth == label, probabilities[:, label])
        parts.append(_thin(pd.DataFrame({"label": name, "false_positive_rate": fpr, "true_positive_rate": tpr})))
    return _with_mean(parts, "false_positive_rate", "true_positive_rate")


def precision_recall(labels: Labels, truth: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Columns label, recall, precision, by rising recall. truth: (rows,); probabilities: (rows, labels)."""
    parts = []
    for label, name in _each_label(labels, truth):
        precision, recall, _ = precision_recall_curve(truth == label, probabilities[:, label])
        parts.append(_thin(pd.DataFrame({"label": name, "recall": recall[::-1], "precision": precision[::-1]})))
    return _with_mean(parts, "recall", "precision")


def confusion(labels: Labels, truth: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Columns actual, predicted, rows, share (of the actual label's rows), a line for each pair of labels."""
    counts = confusion_matrix(truth, predicted, labels=range(len(labels.names)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return pd.DataFrame(
        {
            "actual": np.repeat(labels.names, len(labels.names)),
            "predicted": np.tile(labels.names, len(labels.names)),
            "rows": counts.ravel(),
            "share": shares.ravel().round(4),
        }
    )


def worst_confusions(labels: Labels, truth: np.ndarray, predicted: np.ndarray, most: int = 20) -> pd.DataFrame:
    """The pairs of labels that are confused most, by falling rows, then share, then in the order of labels.

    Columns as in `confusion`; at most so many lines, and none for a pair that is never confused.
    """
    pairs = confusion(labels, truth, predicted)
    wrong = pairs[(pairs["actual"] != pairs["predicted"]) & (pairs["rows"] > 0)]
    return wrong.sort_values(["rows", "share"], ascending=False, kind="stable").head(most).reset_index(drop=True)


def reliability(labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> pd.DataFrame:
    """Compare stated probabilities with how often they are right, in bins of as many rows.

    labels: (rows,) int. probabilities: (rows, labels). positive: the label whose probability it is; None: the largest.
    Returns: columns stated, right (shares of 1) and rows, by rising probability.
    """
    stated, true = stated_and_true(labels, probabilities, positive)
    order = np.lexsort((true, stated))
    parts = [part for part in np.array_split(order, CURVE_BINS) if len(part)]
    return pd.DataFrame(
        {
            "stated": [stated[part].mean() for part in parts],
            "right": [true[part].mean() for part in parts],
            "rows": [len(part) for part in parts],
        }
    )


def write(plots: Path, labels: Labels, truth: np.ndarray, probabilities: np.ndarray) -> None:
    """Write roc.csv, precision_recall.csv and reliability.csv. truth: (rows,); probabilities: (rows, labels)."""
    files.write_curve(plots / "roc.csv", roc(labels, truth, probabilities))
    files.write_curve(plots / "precision_recall.csv", precision_recall(labels, truth, probabilities))
    files.write_curve(plots / "reliability.csv", reliability(truth, probabilities, labels.positive_id))
