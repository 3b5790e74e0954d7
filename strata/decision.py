"""The decision rule: from probabilities to a predicted label. Needs numpy alone, so that serving starts fast."""

from collections.abc import Sequence

import numpy as np

Threshold = float | Sequence[float] | None


def decide(probabilities: np.ndarray, positive: int | None = None, threshold: Threshold = None) -> np.ndarray:
    """Return the predicted label of each row: the only place where probabilities become predictions.

    probabilities: (rows, labels). positive: id of the positive label. threshold: with two labels, the positive one is
    predicted where its probability is at least this, the other one elsewhere. With any number of labels, one for each:
    the label is predicted whose probability, divided by its threshold, is largest. For two, t and 1 - t are the rule of
    the one threshold t. None predicts the label with the largest probability. Of equals, the first is taken.
    Returns: (rows,) int64, label ids.
    Raises: ValueError on a threshold without a positive label, or with more than two labels, or not one for each.
    """
    if threshold is None:
        return probabilities.argmax(axis=1)
    if isinstance(threshold, Sequence):
        if len(threshold) != probabilities.shape[1] or min(threshold) <= 0:
            raise ValueError("thresholds must be positive, one for each label")
        return (probabilities / np.asarray(threshold)).argmax(axis=1)
    if positive is None or probabilities.shape[1] != 2:
        raise ValueError("a threshold needs two labels, one of them positive")
    return np.where(probabilities[:, positive] >= threshold, positive, 1 - positive)


def is_sure(probabilities: np.ndarray, predicted: np.ndarray, abstain_below: float | None) -> np.ndarray:
    """Return where the model gives its prediction: (rows,) bool. None: everywhere.

    probabilities: (rows, labels). predicted: (rows,), of `decide`. abstain_below: the least probability of a label that
    is given.
    """
    if abstain_below is None:
        return np.ones(len(predicted), dtype=bool)
    return probabilities[np.arange(len(predicted)), predicted] >= abstain_below
