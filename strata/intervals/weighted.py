"""The metrics of strata/scoring.py for many weightings of the same rows at once, such as the draws of a bootstrap.

A weight says how often a row was drawn, so that every metric is a few weighted sums: a thousand draws cost as much as a
few dozen calls of scikit-learn. Apart from strata/scoring.py, so that training does not depend on it.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from strata.scoring import BINS, NAMES, calibration_bins, checked_predictions, squared_errors

AREAS = ("roc_auc", "pr_auc")  # need the rows in order, which takes most of the time
CELLS = 2**21  # rows times draws that are processed at a time, which bounds the memory


def weighted_scores(
    labels: np.ndarray,
    probabilities: np.ndarray,
    positive: int | None,
    weights: np.ndarray,
    predicted: np.ndarray | None = None,
    names: Collection[str] = NAMES,
) -> dict[str, np.ndarray]:
    """Return each metric's value in each draw: what `scores` returns for a table with each row repeated `weight` times.

    weights: (draws, rows), how often each row occurs in each draw, not all 0 in a draw. names: of metrics to return;
    without the areas it takes a fraction of the time. The others: as in `scores`.
    Returns: for each of `names` (draws,) float64, NaN where a metric is undefined in a draw.
    Raises: ValueError as `scores`.
    """
    predicted = checked_predictions(labels, probabilities, predicted)
    row_terms = _row_terms(labels, probabilities, positive, predicted)
    ids = range(probabilities.shape[1]) if positive is None else [positive]
    rankings = [_Ranking(labels == i, probabilities[:, i]) for i in ids] if set(AREAS) & set(names) else []
    parts = [_scores(part, row_terms, rankings, positive) for part in batches_of_draws(weights)]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def batches_of_draws(weights: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the weights as float64 in parts of at most CELLS cells, one draw at least. weights: (draws, rows)."""
    step = max(1, CELLS // weights.shape[1])
    for start in range(0, len(weights), step):
        yield weights[start : start + step].astype(np.float64)


def log_losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return each row's term of the log loss: (rows,)."""
    epsilon = np.finfo(probabilities.dtype).eps  # as scikit-learn clips
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels], epsilon, 1 - epsilon))


def _row_terms(labels: np.ndarray, probabilities: np.ndarray, positive: int | None, predicted: np.ndarray) -> csr_array:
    """Return what each row adds to each sum of _Sums, in their order: (sums, rows), sparse.

    One product of it and the weights gives all sums of all draws.
    """
    rows, n_labels = probabilities.shape
    every_row, ones = np.arange(rows), np.ones(rows)
    right = every_row[predicted == labels]
    bins, gaps = calibration_bins(labels, probabilities, positive)
    terms = [  # (sum, row, value)
        (labels[right], right, ones[right]),
        (n_labels + labels, every_row, ones),
        (2 * n_labels + predicted, every_row, ones),
        (3 * n_labels + bins, every_row, gaps),
        (np.full(rows, 3 * n_labels + BINS + 1), every_row, squared_errors(labels, probabilities, positive)),
        (np.full(rows, 3 * n_labels + BINS + 2), every_row, log_losses(labels, probabilities)),
    ]
    index, row, value = (np.concatenate(column) for column in zip(*terms, strict=True))
    return csr_array((value, (index, row)), shape=(3 * n_labels + BINS + 3, rows))


class _Sums(NamedTuple):
    """Weighted sums over the rows of each draw."""

    right: np.ndarray  # (draws, labels), rows of each label that are predicted right
    actual: np.ndarray  # (draws, labels), rows of each label
    predicted: np.ndarray  # (draws, labels), rows predicted as each label
    gaps: np.ndarray  # (draws, BINS + 1), of the calibration error
    squared_error: np.ndarray  # (draws,), of the Brier score
    log_loss: np.ndarray  # (draws,)

    @classmethod
    def of(cls, row_terms: csr_array, weights: np.ndarray) -> "_Sums":
        """row_terms: of `_row_terms`. weights: (draws, rows)."""
        sums = (row_terms @ weights.T).T
        n_labels = (sums.shape[1] - BINS - 3) // 3
        counts = (sums[:, i * n_labels : (i + 1) * n_labels] for i in range(3))
        return cls(*counts, sums[:, 3 * n_labels : -2], sums[:, -2], sums[:, -1])


class _Ranking:
    """One label's rows by falling probability: computes the two areas for any weights of the rows.

    truth: (rows,) bool, whether a row has the label. probability: (rows,), of the label.
    """

    def __init__(self, truth: np.ndarray, probability: np.ndarray):
        self.order = np.argsort(-probability, kind="stable")
        ranked, hits = probability[self.order], np.flatnonzero(truth[self.order])
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])  # of each run of equal probabilities
        run = np.searchsorted(starts, hits, side="right") - 1
        runs, self.first_hit = np.unique(run, return_index=True)  # runs with a hit; the others add nothing
        self.hits = self.order[hits]
        self.before = starts[runs]
        self.end = np.r_[starts[1:], len(ranked)][runs]

    def areas(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ROC-AUC and average precision: (draws,) each, NaN where a draw lacks rows with or without the label.

        weights: (draws, rows). ROC-AUC is the share of (hit, miss) pairs in the right order; ties count half. Average
        precision is the sum over runs of the gain in recall times the precision at the run's end. Both as scikit-learn.
        """
        undefined = np.full(len(weights), np.nan)
        if not len(self.hits):
            return undefined, undefined
        rows = np.zeros((len(weights), len(self.order) + 1))  # number of rows ranked above each position
        np.cumsum(weights[:, self.order], axis=1, out=rows[:, 1:])
        hits = np.add.reduceat(weights[:, self.hits], self.first_hit, axis=1)  # (draws, runs), in each run
        hits_to_end = np.cumsum(hits, axis=1)
        rows_to_end, rows_before = rows[:, self.end], rows[:, self.before]
        all_hits, all_misses = hits_to_end[:, -1], rows[:, -1] - hits_to_end[:, -1]
        # misses above each run, plus half of those in it
        misses = (rows_to_end - hits_to_end + rows_before - hits_to_end + hits) / 2
        inverted = np.einsum("dr,dr->d", hits, misses)
        precision = hits_to_end / np.maximum(rows_to_end, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            roc = 1 - inverted / (all_hits * all_misses)
            average = np.einsum("dr,dr->d", hits, precision) / all_hits
        both = (all_hits > 0) & (all_misses > 0)
        return np.where(both, roc, np.nan), np.where(both, average, np.nan)


def _scores(
    weights: np.ndarray, row_terms: csr_array, rankings: list[_Ranking], positive: int | None
) -> dict[str, np.ndarray]:
    """Return the metrics of some draws, (draws,) each; the areas only with rankings.

    weights: (draws, rows). row_terms: of `_row_terms`.
    """
    sums = _Sums.of(row_terms, weights)
    rows = sums.actual.sum(axis=1)
    of_label = scores_of_each_label(sums.right, sums.actual, sums.predicted)
    # the mean over the labels that occur in a draw, as true or predicted label
    occurs = sums.actual + sums.predicted > 0
    mean = {name: _defined_mean(np.where(occurs, values, np.nan)) for name, values in of_label.items()}
    areas = [np.stack(column, axis=1) for column in zip(*(ranking.areas(weights) for ranking in rankings), strict=True)]
    return {
        "accuracy": sums.right.sum(axis=1) / rows,
        **(mean if positive is None else {name: values[:, positive] for name, values in of_label.items()}),
        "f1_macro": mean["f1"],
        "f1_weighted": (of_label["f1"] * sums.actual).sum(axis=1) / rows,
        **{name: _defined_mean(values) for name, values in zip(AREAS, areas, strict=False)},
        "mcc": _matthews_correlation(sums),
        "balanced_accuracy": _defined_mean(np.where(sums.actual > 0, of_label["recall"], np.nan)),
        "brier": sums.squared_error / rows,
        "ece": np.abs(sums.gaps).sum(axis=1) / rows,
        "log_loss": sums.log_loss / rows,
    }


def scores_of_each_label(right: np.ndarray, actual: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Return precision, recall, F1 and F2 of each label against the others: (draws, labels) each; arguments too."""
    return {
        "precision": _ratio(right, predicted),
        "recall": _ratio(right, actual),
        "f1": _ratio(2 * right, actual + predicted),
        "f2": _ratio(5 * right, 4 * actual + predicted),
    }


def _matthews_correlation(sums: _Sums) -> np.ndarray:
    """Return Matthews' correlation coefficient: (draws,)."""
    actual, predicted = sums.actual, sums.predicted
    rows = actual.sum(axis=1)
    covariance = sums.right.sum(axis=1) * rows - (actual * predicted).sum(axis=1)
    variances = (rows**2 - (actual**2).sum(axis=1)) * (rows**2 - (predicted**2).sum(axis=1))
    return _ratio(covariance, np.sqrt(variances))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, and 0 where whole is 0: scikit-learn's zero_division=0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _defined_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of each draw's values that are not NaN, NaN where all are. values: (draws, labels)."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=1)
    total = np.where(defined, values, 0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
