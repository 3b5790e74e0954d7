"""How far balancing moves a classifier's log odds: computed by resample, written to prior.json, read by later stages.

Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", 2002.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from strata.base import files


class PriorShift(NamedTuple):
    """What has to be added to each logit for probabilities at the labels' shares before balancing: (labels,) each."""

    resampling: np.ndarray  # of a model that was trained on the resampled rows
    training: np.ndarray  # of one that was trained with train.class_weights as well
    training_rows: np.ndarray  # of the latter, at the shares of the distinct training rows, which resampling may change

    def write(self, path: Path) -> None:
        files.write_json(path, {name: shift.tolist() for name, shift in self._asdict().items()})


def read_prior_shift(path: Path) -> PriorShift:
    """Read what `PriorShift.write` wrote. Raises: StrataError when it is missing or broken."""
    content = files.read_json(path)
    return PriorShift(*(np.array(content[name]) for name in PriorShift._fields))


def prior_shift(natural: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return log(natural share / share that training saw), centred: (labels,), 0 everywhere where they are equal.

    natural: (labels,), rows of each label. seen: (labels,), rows of each label times their weight in the loss.
    """
    if np.array_equal(natural * seen.sum(), seen * natural.sum()):
        return np.zeros(len(natural))
    shift = np.log(natural / natural.sum()) - np.log(seen / seen.sum())
    return shift - shift.mean()


def weighted_counts(counts: np.ndarray, weights: str | dict[str, float], names: list[str]) -> np.ndarray:
    """Return the rows of each label times their weight in the loss. weights: train.class_weights. names: of labels."""
    if weights == "none":
        return counts
    if weights == "balanced":
        return np.ones(len(counts))
    return counts * np.array([weights[name] for name in names])
