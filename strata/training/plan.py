"""What each optimizer step does: its batches and its learning rate.

All of it is decided before the first step, by lengths, seed and settings alone. A resumed run makes the same plan, so
it needs no saved state of a sampler.
"""

import itertools
import math
from collections.abc import Set
from typing import NamedTuple

import numpy as np

from strata.training.learning_rate import learning_rate

POOL = 50  # batches whose rows are sorted together; sorting all rows would put the same ones together in every epoch
PART = 4096  # tokens; a CPU computes a batch with more in parts, so that long rows do not need many times the memory

Step = list[np.ndarray]
"""The batches of one step, which are computed one after the other: positions of training rows, (rows,) int each."""


class Plan(NamedTuple):
    """batches, learning_rates: of each step."""

    batches: list[Step]
    learning_rates: list[float]
    point_every: int  # steps from one point of the loss curve to the next
    evaluations: Set[int] = frozenset()  # steps after which validation rows are scored

    @property
    def steps(self) -> int:
        return len(self.batches)


def plan_of(
    batches: list[Step], lr: float, schedule: str, warmup: float, points: int, evaluations: Set[int] = frozenset()
) -> Plan:
    """Return the plan of these steps.

    lr: peak. schedule, warmup: as in train of params.yaml. points: the most that the loss curve may have.
    """
    steps, of_warmup = len(batches), math.ceil(len(batches) * warmup)
    rates = [lr * learning_rate(schedule, step, steps, of_warmup) for step in range(steps)]
    return Plan(batches, rates, math.ceil(steps / points), evaluations)


class Batching(NamedTuple):
    """How rows are batched. tokens: if set, the limit of a batch, padding included, instead of rows.

    per_step: batches in a step. in_parts: compute batches of more than PART tokens in parts. The gradient is the same
    if the loss is a sum over rows. A GPU computes batches whole: it has the memory, and small parts leave most of it
    idle (docs/benchmarks.md).
    """

    rows: int
    in_parts: bool
    tokens: int | None = None
    per_step: int = 1


def steps_of_epochs(lengths: np.ndarray, seed: int, epochs: int, least_steps: int, batching: Batching) -> list[Step]:
    """Return the steps of `epochs` passes over the rows, or of more passes to reach `least_steps`.

    lengths: (rows,) tokens.
    """
    steps: list[Step] = []
    for epoch in itertools.count():
        if epoch >= epochs and len(steps) >= least_steps:
            break
        batches = epoch_batches(lengths, seed, epoch, batching.rows, batching.tokens)
        of_epoch = [batches[at : at + batching.per_step] for at in range(0, len(batches), batching.per_step)]
        if batching.tokens is None and batching.in_parts:
            of_epoch = [[part for batch in step for part in _parts(batch, lengths)] for step in of_epoch]
        steps += of_epoch
    return steps


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
    """Return a batch, or its parts where it has more than PART tokens, padding included."""
    of_batch = lengths[batch]
    return [batch] if len(batch) * of_batch.max() <= PART else _by_tokens(batch, of_batch, PART)


def _by_tokens(rows: np.ndarray, lengths: np.ndarray, batch_tokens: int) -> list[np.ndarray]:
    """Split rows, sorted from longest to shortest, into batches of at most `batch_tokens` tokens."""
    bounds, start = [], 0
    while start < len(rows):
        start += max(1, batch_tokens // int(lengths[start]))
        bounds.append(start)
    return np.split(rows, bounds[:-1])
