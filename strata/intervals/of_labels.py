"""Precision, recall and F1 of each label against the others, with their intervals: what a macro mean hides."""

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from strata.intervals.bootstrap import DRAWS, draw, percentile_interval
from strata.intervals.weighted import batches_of_draws, scores_of_each_label
from strata.intervals.wilson import wilson_interval

METRICS = ("precision", "recall", "f1")
COLUMNS = ["label", "metric", "value", "low", "high", "rows", "given"]
"""value: NaN where it is undefined, as the recall of a label without rows. rows: of the label. given: that get it."""

Counts = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Rows of each label that are predicted right, that have it, and that get it: (draws, labels) each."""


def counts(labels: np.ndarray, predicted: np.ndarray, n_labels: int, weights: np.ndarray) -> Counts:
    """Count in each draw. labels, predicted: (rows,) int. weights: (draws, rows), as `draw` returns them."""
    right = np.flatnonzero(labels == predicted)
    every_row = np.arange(len(labels))
    rows = np.concatenate([right, every_row, every_row])
    sums = np.concatenate([labels[right], n_labels + labels, 2 * n_labels + predicted])
    terms = csr_array((np.ones(len(rows)), (sums, rows)), shape=(3 * n_labels, len(labels)))
    summed = np.concatenate([(terms @ part.T).T for part in batches_of_draws(weights)])
    return summed[:, :n_labels], summed[:, n_labels : 2 * n_labels], summed[:, 2 * n_labels :]


def defined_scores(counted: Counts) -> dict[str, np.ndarray]:
    """Return METRICS: (draws, labels) each, NaN where a score has nothing to divide by."""
    scores, (_, actual, given) = scores_of_each_label(*counted), counted
    undefined = {"precision": given == 0, "recall": actual == 0, "f1": actual + given == 0}
    return {name: np.where(undefined[name], np.nan, scores[name]) for name in METRICS}


def label_scores(
    labels: np.ndarray, predicted: np.ndarray, names: list[str], unit: np.ndarray, seed: int, draws: int = DRAWS
) -> pd.DataFrame:
    """Return COLUMNS, a line for each label and each of METRICS, in the order of label ids.

    Where draws do not vary, as with a recall of 1, precision and recall get Wilson's interval, and F1 none.
    labels, predicted: (rows,) int. names: of labels. unit, seed: as in `bootstrap.draw`.
    """
    once = counts(labels, predicted, len(names), np.ones((1, len(labels))))
    values, (_, actual, given) = defined_scores(once), (part[0] for part in once)
    several = len(np.unique(unit)) > 1
    drawn = defined_scores(counts(labels, predicted, len(names), draw(unit, draws, seed))) if several else None
    of_score = {"precision": predicted, "recall": labels}  # whose rows are the score's
    lines = []
    for i, name in enumerate(names):
        for metric in METRICS:
            value = float(values[metric][0, i])
            ends = percentile_interval(drawn[metric][:, i]) if drawn and not np.isnan(value) else None
            if not np.isnan(value) and (ends is None or ends["low"] == ends["high"]):
                its_rows = of_score.get(metric)
                units = 0 if its_rows is None else len(np.unique(unit[its_rows == i]))
                ends = dict(zip(("low", "high"), wilson_interval(value, units), strict=True)) if units else None
            ends = ends or {"low": np.nan, "high": np.nan}
            lines.append([name, metric, value, ends["low"], ends["high"], int(actual[i]), int(given[i])])
    return pd.DataFrame(lines, columns=COLUMNS)
