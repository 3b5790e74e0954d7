"""Scores of slices: of the predefined ones, and of those that stand out by their errors."""

import numpy as np
import pandas as pd
from scipy.sparse import csc_array
from scipy.stats import false_discovery_control, hypergeom

from stages.evaluate import slices
from stages.evaluate.slices import Slices
from strata.intervals.wilson import wilson_interval

ALPHA = 0.05  # largest adjusted p-value of a slice that stands out

COLUMNS = ["kind", "name", "rows", "errors", "accuracy", "low", "high", "f1_macro", "difference", "p_adjusted"]
"""low and high: the accuracy's 95% Wilson interval, with units in place of rows. f1_macro: over the labels that occur
in the slice, as true or predicted label. difference: the slice's accuracy minus that of all other rows, NaN if there
are none. p_adjusted: see `adjusted_p_values`."""


def scores_by_value(columns: pd.DataFrame, truth: np.ndarray, predicted: np.ndarray, unit: np.ndarray) -> pd.DataFrame:
    """Return the scores of the slices that `slices.by_value` takes from the columns, in its order.

    truth, predicted: (rows,) int, label ids. unit: (rows,) int, equal for rows that are not independent of each other.
    Returns: COLUMNS.
    """
    predefined = slices.by_value(columns)
    p = p_values(predefined, truth != predicted, unit)
    return _table(predefined, np.arange(len(p)), p, truth, predicted, unit)


def outliers(texts: list[str], truth: np.ndarray, predicted: np.ndarray, unit: np.ndarray) -> pd.DataFrame:
    """Return the words and lengths whose rows have significantly more or fewer errors than a random sample of rows.

    truth, predicted, unit: as in `scores_by_value`.
    Returns: COLUMNS, by rising p-value, kind and name; only slices with an adjusted p-value of at most ALPHA.
    """
    searched = slices.words_and_lengths(texts)
    p = p_values(searched, truth != predicted, unit)
    kept = sorted(np.flatnonzero(p <= ALPHA), key=lambda i: (p[i], searched.kinds[i], searched.names[i]))
    return _table(searched, kept, p, truth, predicted, unit)


def p_values(some: Slices, wrong: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return the adjusted p-value of each slice: (slices,). wrong: (rows,) bool. unit: (rows,) int."""
    if not some.names:
        return np.zeros(0)
    numbers, unit_of_row = np.unique(unit, return_inverse=True)
    rows = np.arange(len(unit))
    is_of_unit = csc_array((np.ones(len(unit)), (unit_of_row, rows)), shape=(len(numbers), len(unit)))
    sizes, errors = some.contains.sum(axis=0), some.contains[wrong].sum(axis=0)
    units = (is_of_unit @ some.contains > 0).sum(axis=0)
    return adjusted_p_values(sizes, errors, units, wrong.mean(), len(numbers))


def adjusted_p_values(
    sizes: np.ndarray, errors: np.ndarray, units: np.ndarray, error_rate: float, all_units: int
) -> np.ndarray:
    """Return for each slice the p-value of its errors, if it were a random sample of all rows: (slices,), 0 to 1.

    The p-value is Fisher's exact one, two-sided as twice the smaller tail. It is adjusted for the number of slices as
    in Benjamini and Hochberg, "Controlling the False Discovery Rate", 1995: of the slices at or below 0.05, about 5%
    are there by chance. Rows of one unit may be right or wrong together, so that each unit counts as one row with its
    slice's error rate.

    sizes, errors, units: (slices,) int, the number of rows, errors and units of each. error_rate: of all rows.
    all_units: the number of units of all rows.
    """
    errors = np.round(errors / sizes * units)
    of_sample = hypergeom(all_units, round(error_rate * all_units), units.astype(np.int64))
    tails = np.minimum(of_sample.cdf(errors), of_sample.sf(errors - 1))
    return false_discovery_control(np.clip(2 * tails, 0, 1), method="bh")


def f1_macro(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean F1 of the labels that occur, as true or predicted label: scikit-learn's, without its checks."""
    labels = int(max(truth.max(), predicted.max())) + 1
    right, actual, guessed = (
        np.bincount(ids, minlength=labels) for ids in (truth[truth == predicted], truth, predicted)
    )
    both = actual + guessed
    return float((2 * right[both > 0] / both[both > 0]).mean())


def _table(
    some: Slices, chosen: np.ndarray, p: np.ndarray, truth: np.ndarray, predicted: np.ndarray, unit: np.ndarray
) -> pd.DataFrame:
    """Return COLUMNS of some slices. chosen: their positions. p: (slices,), adjusted p-values."""
    lines = [
        [some.kinds[i], some.names[i], *_scores(some.mask(i), truth, predicted, unit), float(p[i])] for i in chosen
    ]
    return pd.DataFrame(lines, columns=COLUMNS)


def _scores(mask: np.ndarray, truth: np.ndarray, predicted: np.ndarray, unit: np.ndarray) -> list[float]:
    """Return rows, errors, accuracy, low, high, f1_macro and difference of one slice. mask: (rows,) bool."""
    wrong = truth != predicted
    rows, errors, others = int(mask.sum()), int(wrong[mask].sum()), int((~mask).sum())
    accuracy = 1 - errors / rows
    low, high = wilson_interval(accuracy, len(np.unique(unit[mask])))
    accuracy_of_others = 1 - wrong[~mask].sum() / others if others else np.nan
    f1 = f1_macro(truth[mask], predicted[mask])
    return [rows, errors, accuracy, low, high, f1, accuracy - accuracy_of_others]
