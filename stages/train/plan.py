"""What each optimizer step does: its batches, its learning rate, and whether validation rows are scored after it.

All of it is decided before the first step, by lengths, seed and settings alone. A resumed run makes the same plan, so
it needs no saved state of a sampler.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from stages.train.learning_rate import learning_rate
from strata.settings.params import Train

POOL = 50  # batches sorted by length together; if all were, many steps in a row would see rows of one length
LOSS_POINTS = 50  # points of the training-loss curve, at most
PART = 4096  # tokens; a CPU computes a batch with more in parts, so that long rows do not need many times the memory


class Plan(NamedTuple):
    """batches, learning_rates: of each step.

    A batch is a (rows,) int array of positions of training rows. Those of a step are computed one after the other.
    """

    batches: list[list[np.ndarray]]
    learning_rates: list[float]
    evaluations: set[int]  # steps after which validation rows are scored
    point_every: int  # steps from one point of the loss curve to the next

    @property
    def steps(self) -> int:
        return len(self.batches)


def plan(lengths: np.ndarray, seed: int, settings: Train, device: str) -> Plan:
    """Return the plan of a run. lengths: (rows,) tokens of the training rows. device: cpu or cuda.

    It has settings.epochs passes over the rows, and more until it has settings.min_steps steps. Validation rows are
    scored as often as without these, at larger distances: on few rows, a score after each short pass says little.
    A GPU computes batches whole: it has the memory, and small parts leave most of it idle (docs/benchmarks.md).
    """
    batches, least = [], settings.min_steps or 0
    for epoch in itertools.count():
        if epoch >= settings.epochs and len(batches) >= least:
            break
        of_epoch = epoch_batches(lengths, seed, epoch, settings.batch_size, settings.batch_tokens)
        starts = range(0, len(of_epoch), settings.gradient_accumulation)
        steps_of_epoch = [of_epoch[start : start + settings.gradient_accumulation] for start in starts]
        if settings.batch_tokens is None and device == "cpu":
            steps_of_epoch = [[part for batch in step for part in _parts(batch, lengths)] for step in steps_of_epoch]
        batches += steps_of_epoch
    steps = len(batches)
    warmup = math.ceil(steps * settings.warmup)
    return Plan(
        batches,
        [settings.lr * learning_rate(settings.schedule, step, steps, warmup) for step in range(steps)],
        evaluation_steps(steps, settings.evaluations_per_epoch * settings.epochs),
        math.ceil(steps / LOSS_POINTS),
    )


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """Return the steps after which validation rows are scored: evenly spaced, up to the last step."""
    return {math.ceil(steps * (i + 1) / evaluations) for i in range(evaluations)}


def epoch_batches(
    lengths: np.ndarray, seed: int, epoch: int, batch_size: int, batch_tokens: int | None
) -> list[np.ndarray]:
    """Return the batches of an epoch: rows of similar length together, batches in random order.

    lengths: (rows,) tokens. batch_tokens: the most tokens in a batch, padding included, instead of batch_size; a longer
    row is a batch of its own.
    Returns: for each batch, the positions of its rows: (rows,) int.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    size = batch_size if batch_tokens is None else max(1, int(batch_tokens / lengths.mean()))
    batches = []
    for start in range(0, len(order), POOL * size):
        pool = order[start : start + POOL * size]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        if batch_tokens is None:
            batches += np.split(pool, range(batch_size, len(pool), batch_size))
        else:
            batches += _by_tokens(pool, lengths[pool], batch_tokens)
    order = random.permutation(len(batches))
    if epoch == 0:  # start with the largest batch: if memory is too small, the run fails at once
        largest = max(order, key=lambda i: len(batches[i]) * lengths[batches[i]].max())
        order = np.concatenate([[largest], order[order != largest]])
    return [batches[i] for i in order]


def _parts(batch: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """Return a batch, or its parts where it has more than PART tokens, padding included. The gradient is the same."""
    of_batch = lengths[batch]
    return [batch] if len(batch) * of_batch.max() <= PART else _by_tokens(batch, of_batch, PART)


def _by_tokens(rows: np.ndarray, lengths: np.ndarray, batch_tokens: int) -> list[np.ndarray]:
    """Split rows, sorted from longest to shortest, into batches of at most `batch_tokens` tokens."""
    bounds, start = [], 0
    while start < len(rows):
        start += max(1, batch_tokens // int(lengths[start]))
        bounds.append(start)
    return np.split(rows, bounds[:-1])
