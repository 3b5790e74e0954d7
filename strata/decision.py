"""From probabilities to a prediction; apart from the scores, whose libraries take seconds to import."""

import numpy as np


def decide(probabilities: np.ndarray, positive: int | None = None, threshold: float | None = None) -> np.ndarray:
    """Predict a label for each row: the only place where probabilities become a prediction.

    probabilities: (rows, labels). threshold: the positive one of two labels is predicted where its probability is at
    least this, and the other one elsewhere; None predicts the label of the largest probability, the first of equals.
    Returns: (rows,) int64, ids.
    Raises: ValueError on a threshold without a positive label, or with more than two labels.
    """
    if threshold is None:
        return probabilities.argmax(axis=1)
    if positive is None or probabilities.shape[1] != 2:
        raise ValueError("a threshold needs two labels, one of them positive")
    return np.where(probabilities[:, positive] >= threshold, positive, 1 - positive)
