"""What balancing does to the labels' shares, and so to a classifier's log odds.

Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", 2002.
"""

import numpy as np


def prior_shift(
    natural: np.ndarray, trained: np.ndarray, weights: dict[str, float] | str, names: list[str]
) -> np.ndarray:
    """Return what balancing has taken from each logit: log(natural share / share that training saw), (labels,).

    natural, trained: (rows,) int, labels of the training rows before and after resampling. weights:
    train.class_weights, which move the balance as repeated rows do. 0 everywhere where nothing was balanced.
    """
    counts = {
        name: np.bincount(rows, minlength=len(names)) for name, rows in (("natural", natural), ("trained", trained))
    }
    if weights == "none" and np.array_equal(counts["natural"] * len(trained), counts["trained"] * len(natural)):
        return np.zeros(len(names))
    seen = counts["trained"].astype(float)
    if weights == "balanced":
        seen = np.ones(len(names))
    elif weights != "none":
        seen *= [weights[name] for name in names]
    shift = np.log(counts["natural"] / len(natural)) - np.log(seen / seen.sum())
    return shift - shift.mean()
