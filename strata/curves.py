"""The curves and counts behind the plots, thinned so that a page about many rows still opens."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from strata.base import files
from strata.labels import MEAN_OF_LABELS, Labels
from strata.scoring import confidence_and_truth

POINTS = 500  # points of a curve, at most
CURVE_BINS = 10  # of the reliability curve
CONFIDENCE_BINS = 20  # of the histogram of confidence, of equal width


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """Keep the first and the last point, and evenly spaced ones between them."""
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, POINTS).round().astype(int))]


def _labels_with_curves(labels: Labels, truth: np.ndarray) -> Iterator[tuple[int, str]]:
    """Yield id and name of the positive label, or of each of many, if it has positive and negative rows."""
    for label, name in enumerate(labels.names):
        if labels.positive in (name, None) and 0 < (truth == label).sum() < len(truth):
            yield label, name


def _with_mean(curves: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Return one table of all curves. With several, their mean of y at each x comes first.

    curves: by rising x. columns: label, x, y, and more that are the same for all points of a curve.
    """
    if len(curves) < 2:
        return curves[0] if curves else pd.DataFrame(columns=columns)
    _, x, y, *constant = columns
    grid = np.linspace(0, 1, POINTS)
    mean = np.mean([np.interp(grid, curve[x], curve[y]) for curve in curves], axis=0)
    means = {name: np.mean([curve[name].iloc[0] for curve in curves]) for name in constant}
    return pd.concat([pd.DataFrame({"label": MEAN_OF_LABELS, x: grid, y: mean} | means), *curves])


def roc(labels: Labels, truth: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Return the ROC curves: columns label, false_positive_rate, true_positive_rate, and area, that of the whole curve.

    truth: (rows,) int, label ids. probabilities: (rows, labels).
    """
    curves = []
    for label, name in _labels_with_curves(labels, truth):
        fpr, tpr, _ = roc_curve(truth == label, probabilities[:, label])
        curve = pd.DataFrame({"label": name, "false_positive_rate": fpr, "true_positive_rate": tpr})
        curves.append(_thinned(curve.assign(area=roc_auc_score(truth == label, probabilities[:, label]))))
    return _with_mean(curves, ["label", "false_positive_rate", "true_positive_rate", "area"])


def precision_recall(labels: Labels, truth: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Return the precision-recall curves by rising recall.

    Columns: label, recall, precision, area (average precision) and prevalence, the precision of chance.
    truth: (rows,) int, label ids. probabilities: (rows, labels).
    """
    curves = []
    for label, name in _labels_with_curves(labels, truth):
        precision, recall, _ = precision_recall_curve(truth == label, probabilities[:, label])
        curve = pd.DataFrame({"label": name, "recall": recall[::-1], "precision": precision[::-1]})
        area = average_precision_score(truth == label, probabilities[:, label])
        curves.append(_thinned(curve.assign(area=area, prevalence=(truth == label).mean())))
    return _with_mean(curves, ["label", "recall", "precision", "area", "prevalence"])


def confusion(labels: Labels, truth: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Return the confusion matrix, one line for each pair of labels.

    Columns: actual, predicted, rows, and share (of the actual label's rows).
    """
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
    """Return the pairs of labels that are confused most, at most `most`: by falling rows, then share, then label order.

    Columns: as in `confusion`. Pairs that are never confused are left out.
    """
    pairs = confusion(labels, truth, predicted)
    wrong = pairs[(pairs["actual"] != pairs["predicted"]) & (pairs["rows"] > 0)]
    return wrong.sort_values(["rows", "share"], ascending=False, kind="stable").head(most).reset_index(drop=True)


def reliability(labels: np.ndarray, probabilities: np.ndarray, positive: int | None) -> pd.DataFrame:
    """Return the reliability curve: confidence against the share that is right, in bins of equally many rows.

    labels: (rows,) int. probabilities: (rows, labels). positive: the label whose probability is the confidence; None
    takes the largest probability.
    Returns: columns stated (mean confidence), right (share) and rows, by rising confidence.
    """
    confidence, is_right = confidence_and_truth(labels, probabilities, positive)
    order = np.lexsort((is_right, confidence))
    bins = [rows for rows in np.array_split(order, CURVE_BINS) if len(rows)]
    return pd.DataFrame(
        {
            "stated": [confidence[rows].mean() for rows in bins],
            "right": [is_right[rows].mean() for rows in bins],
            "rows": [len(rows) for rows in bins],
        }
    )


def confidence(
    labels: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray, positive: int | None
) -> pd.DataFrame:
    """Return histograms of what the model states: columns low and high (the ends of a bin), stated, right and wrong.

    stated: rows by the probability that `reliability` is about. right, wrong: rows whose prediction is so, by the
    probability of the predicted label. labels, predicted: (rows,) int. probabilities: (rows, labels).
    """
    edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
    of_predicted, is_right = probabilities[np.arange(len(labels)), predicted], labels == predicted
    stated, _ = confidence_and_truth(labels, probabilities, positive)
    values = {"stated": stated, "right": of_predicted[is_right], "wrong": of_predicted[~is_right]}
    counts = {name: np.histogram(shares, edges)[0] for name, shares in values.items()}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:]} | counts)


def write(plots: Path, labels: Labels, truth: np.ndarray, probabilities: np.ndarray, model: str) -> None:
    """Write roc.csv, precision_recall.csv and reliability.csv, each with a column model, which decides its colour.

    truth: (rows,). probabilities: (rows, labels). model: as in score_table.
    """
    curves = {
        "roc": roc(labels, truth, probabilities),
        "precision_recall": precision_recall(labels, truth, probabilities),
        "reliability": reliability(truth, probabilities, labels.positive_id),
    }
    for name, curve in curves.items():
        files.write_curve(plots / f"{name}.csv", curve.assign(model=model))
