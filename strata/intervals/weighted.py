"""The scores of strata/scoring.py for many resamples of one set of rows at once.

A resample is a count for each row, so that every score is a few weighted sums: a thousand of them cost what a few
dozen calls of scikit-learn do. Kept apart from scores.py, so that training does not depend on it.
"""

import numpy as np
from scipy.sparse import csr_array

from strata.scoring import BINS, NAMES, calibration_bins, checked, squared_errors

CELLS = 2**21  # rows times draws at work at a time, which bounds the memory


def resampled(
    labels: np.ndarray,
    probabilities: np.ndarray,
    positive: int | None,
    weights: np.ndarray,
    predicted: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Score every draw of rows as `scores` would score a table that holds each row as often as its weight says.

    weights: (draws, rows), counts of each row in each draw, not all 0 in a draw. The others: as in `scores`.
    Returns: for each of NAMES (draws,) float64, NaN where a score is undefined in a draw.
    Raises: ValueError as `scores`.
    """
    predicted = checked(labels, probabilities, predicted)
    n_labels = probabilities.shape[1]
    sums = _row_sums(labels, probabilities, positive, predicted)
    areas = [_Ranking(labels == i, probabilities[:, i]) for i in (range(n_labels) if positive is None else [positive])]
    step = max(1, CELLS // len(labels))
    parts = [
        _scores(weights[start : start + step], sums, areas, n_labels, positive)
        for start in range(0, len(weights), step)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in NAMES}


def _row_sums(labels: np.ndarray, probabilities: np.ndarray, positive: int | None, predicted: np.ndarray) -> csr_array:
    """Return what each row adds to each sum, so that one product with the weights gives all of them.

    (3 * labels + BINS + 3, rows): rows of each label predicted right, of each label, predicted as each label; the gaps
    of the calibration bins; the Brier score and the log loss.
    """
    rows, n_labels = probabilities.shape
    every, one = np.arange(rows), np.ones(rows)
    right = every[predicted == labels]
    bins, gap = calibration_bins(labels, probabilities, positive)
    tiny = np.finfo(probabilities.dtype).eps  # as scikit-learn clips
    surprise = -np.log(np.clip(probabilities[every, labels], tiny, 1 - tiny))
    parts = [  # (sum, row, value)
        (labels[right], right, one[right]),
        (n_labels + labels, every, one),
        (2 * n_labels + predicted, every, one),
        (3 * n_labels + bins, every, gap),
        (np.full(rows, 3 * n_labels + BINS + 1), every, squared_errors(labels, probabilities, positive)),
        (np.full(rows, 3 * n_labels + BINS + 2), every, surprise),
    ]
    index, row, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return csr_array((value, (index, row)), shape=(3 * n_labels + BINS + 3, rows))


class _Ranking:
    """One label's rows by falling probability, and the two areas of any weighting of them."""

    def __init__(self, truth: np.ndarray, probability: np.ndarray):
        self.order = np.argsort(-probability, kind="stable")
        ranked, hits = probability[self.order], np.flatnonzero(truth[self.order])
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])  # of each run of equal probabilities
        run = np.searchsorted(starts, hits, side="right") - 1
        runs, self.first_hit = np.unique(run, return_index=True)  # runs that hold a hit: the others add nothing
        self.hits = self.order[hits]
        self.before = starts[runs]
        self.end = np.r_[starts[1:], len(ranked)][runs]

    def areas(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ROC-AUC and average precision: (draws,) each, NaN where a draw lacks rows with or without the label.

        ROC-AUC is the share of pairs of a hit and a miss in the right order, ties counting half; average precision
        the sum over runs of the recall gained times the precision at the run's end, as in scikit-learn.
        """
        undefined = np.full(len(weights), np.nan)
        if not len(self.hits):
            return undefined, undefined
        rows = np.zeros((len(weights), len(self.order) + 1))  # rows ranked above each place
        np.cumsum(weights[:, self.order], axis=1, out=rows[:, 1:])
        hits = np.add.reduceat(weights[:, self.hits], self.first_hit, axis=1)  # (draws, runs), in each run
        hits_to_end = np.cumsum(hits, axis=1)
        rows_to_end, rows_before = rows[:, self.end], rows[:, self.before]
        all_hits, all_misses = hits_to_end[:, -1], rows[:, -1] - hits_to_end[:, -1]
        # misses above a run, and half of those in it
        misses = (rows_to_end - hits_to_end + rows_before - hits_to_end + hits) / 2
        inverted = np.einsum("dr,dr->d", hits, misses)
        precision = hits_to_end / np.maximum(rows_to_end, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            roc = 1 - inverted / (all_hits * all_misses)
            average = np.einsum("dr,dr->d", hits, precision) / all_hits
        both = (all_hits > 0) & (all_misses > 0)
        return np.where(both, roc, np.nan), np.where(both, average, np.nan)


def _scores(
    weights: np.ndarray, sums: csr_array, rankings: list[_Ranking], n_labels: int, positive: int | None
) -> dict[str, np.ndarray]:
    """The scores of some draws. weights: (draws, rows); sums: of `_row_sums`."""
    weights = weights.astype(np.float64)
    found = (sums @ weights.T).T  # (draws, sums)
    right, actual, guessed = (found[:, i * n_labels : (i + 1) * n_labels] for i in range(3))
    gaps, brier, surprise = found[:, 3 * n_labels : -2], found[:, -2], found[:, -1]
    rows = actual.sum(axis=1)
    recall = _ratio(right, actual)
    each = {
        "precision": _ratio(right, guessed),
        "recall": recall,
        "f1": _ratio(2 * right, actual + guessed),
        "f2": _ratio(5 * right, 4 * actual + guessed),
    }

    def mean(of: np.ndarray) -> np.ndarray:
        """Over the labels that occur in a draw, as truth or prediction."""
        return _defined_mean(np.where(actual + guessed > 0, of, np.nan))

    areas = [ranking.areas(weights) for ranking in rankings]
    roc, average = (_defined_mean(np.stack(column, axis=1)) for column in zip(*areas, strict=True))
    correct = right.sum(axis=1)
    covariance = correct * rows - (actual * guessed).sum(axis=1)
    variances = (rows**2 - (actual**2).sum(axis=1)) * (rows**2 - (guessed**2).sum(axis=1))
    return {
        "accuracy": correct / rows,
        **{name: mean(of) if positive is None else of[:, positive] for name, of in each.items()},
        "f1_macro": mean(each["f1"]),
        "f1_weighted": (each["f1"] * actual).sum(axis=1) / rows,
        "roc_auc": roc,
        "pr_auc": average,
        "mcc": _ratio(covariance, np.sqrt(variances)),
        "balanced_accuracy": _defined_mean(np.where(actual > 0, recall, np.nan)),
        "brier": brier / rows,
        "ece": np.abs(gaps).sum(axis=1) / rows,
        "log_loss": surprise / rows,
    }


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, and 0 where there is nothing to divide by: scikit-learn's zero_division=0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _defined_mean(values: np.ndarray) -> np.ndarray:
    """The mean over the labels that are not NaN: (draws, labels) to (draws,), NaN where all are."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
