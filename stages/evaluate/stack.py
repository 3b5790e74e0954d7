"""A stack of the transformer and TF-IDF: logistic regression on the log probabilities of both, with a weight for each.

Wolpert, "Stacked generalization", 1992. The weights are the same for all labels, and there is no intercept, since both
models have the natural prior already: so two numbers are fitted, whatever the number of labels. They are not negative,
as Breiman found best in "Stacked regressions", 1996.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

FOLDS = 5
LEAST = 1e-3  # of a weight: what quantize divides by


class Weights(NamedTuple):
    """What the log probabilities of each model are multiplied by."""

    transformer: float
    tfidf: float

    def logits(self, transformer: np.ndarray, tfidf: np.ndarray) -> np.ndarray:
        """Return (rows, labels). transformer, tfidf: log probabilities with the natural prior, (rows, labels) each."""
        return self.transformer * transformer + self.tfidf * tfidf


def fit(transformer: np.ndarray, tfidf: np.ndarray, label: np.ndarray) -> Weights:
    """Return the weights of the highest likelihood. transformer, tfidf: as in `Weights.logits`. label: (rows,) int.

    One more row is added whose label is uniform, as in strata/calibration.py.
    """
    both = np.stack([transformer, tfidf])  # (2, rows, labels)
    uniform, labels = 1 / (len(label) + 1), transformer.shape[1]
    target = (1 - uniform) * np.eye(labels)[label] + uniform / labels  # (rows, labels), each sums to 1

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = np.tensordot(weights, both, 1)
        error = softmax(logits, axis=1) - target
        return -(target * log_softmax(logits, axis=1)).sum() / len(label), (both * error).sum(axis=(1, 2)) / len(label)

    found = minimize(loss, np.array([0.5, 0.5]), jac=True, method="L-BFGS-B", bounds=[(LEAST, None)] * 2)
    return Weights(*map(float, found.x))


def folds(unit: np.ndarray, seed: int) -> np.ndarray:
    """Return the fold of each row, (rows,) int from 0; rows of a unit are in one. unit: (rows,) int."""
    numbers, unit = np.unique(unit, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(numbers)) % FOLDS)[unit]


def out_of_fold(
    transformer: np.ndarray, tfidf: np.ndarray, label: np.ndarray, unit: np.ndarray, seed: int
) -> np.ndarray:
    """Return the stack's logits of each row, (rows, labels), by weights that were fitted to the other folds.

    The arguments are those of `fit` and `folds`. Rows of one unit have no other fold, and are fitted to themselves.
    """
    fold, logits = folds(unit, seed), np.empty_like(transformer)
    for i in np.unique(fold):
        held = fold == i
        others = ~held if len(np.unique(fold)) > 1 else held
        logits[held] = fit(transformer[others], tfidf[others], label[others]).logits(transformer[held], tfidf[held])
    return logits
