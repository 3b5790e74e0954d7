"""How far balancing shifts a classifier's log odds: computed by resample, written to prior.json, read by later stages.

Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", 2002.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from strata.base import files


class PriorShift(NamedTuple):
    """What to add to the logits to undo balancing: (labels,) each. The natural prior is the one before balancing."""

    resampling: np.ndarray  # for a model trained on the resampled rows, to the natural prior
    training: np.ndarray  # for a model trained on them with train.class_weights
    training_rows: (
        np.ndarray
    )  # for the same model, to the prior of the distinct training rows, which resampling may change

    def write(self, path: Path) -> None:
        files.write_json(path, {name: shift.tolist() for name, shift in self._asdict().items()})


def read_prior_shift(path: Path) -> PriorShift:
    """Read what `PriorShift.write` wrote. Raises: StrataError when it is missing or broken."""
    content = files.read_json(path)
    return PriorShift(*(np.array(content[name]) for name in PriorShift._fields))


def prior_shift(natural: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return log(natural prior / prior in training), centred: (labels,); exactly 0 when the two are equal.

    natural: (labels,), rows of each label. seen: (labels,), rows of each label in training times their weight in the
    loss.
    """
    if np.array_equal(natural * seen.sum(), seen * natural.sum()):
        return np.zeros(len(natural))
    shift = np.log(natural / natural.sum()) - np.log(seen / seen.sum())
    return shift - shift.mean()


def weighted_counts(counts: np.ndarray, weights: str | dict[str, float], names: list[str]) -> np.ndarray:
    """Return the rows of each label times their weight in the loss, up to a factor.

    weights: train.class_weights. names: of the labels, in id order. Raises: KeyError on a label without a weight.
    """
    if weights == "none":
        return counts
    if weights == "balanced":
        return np.ones(len(counts))
    return counts * np.array([dict(weights)[name] for name in names])
