"""The training loop: all steps, validation between them, and the best weights at the end."""

import time
from collections.abc import Callable

from stages.train import validation
from stages.train.plan import plan
from stages.train.training import Training
from strata.training.counters import Counters
from strata.training.snapshot import Snapshots

Publish = Callable[[Counters, float], object]
"""Takes the counters, and the rows per second since its last call."""


def fine_tune(training: Training, seed: int, snapshots: Snapshots, publish: Publish) -> None:
    """Run all steps, or those that an interrupted run left, and give the model the best weights in fp32.

    publish: called whenever a curve has a new point.
    Raises: StrataError when the loss becomes NaN or infinite, memory runs out, or no state can be saved.
    """
    planned = plan(training.splits["train"].lengths, seed, training.settings, training.run.device.type)
    rows, start = 0, time.perf_counter()  # since the last call of publish
    with snapshots.forgetting_batch_on_error():
        for of_step in training.run.steps(planned, seed, snapshots):
            counters, rows = training.run.counters, rows + of_step
            is_evaluated = counters.step in planned.evaluations
            if is_evaluated:
                validation.evaluate(training, snapshots)
            if is_evaluated or counters.step % planned.point_every == 0:
                publish(counters, rows / (time.perf_counter() - start))
                rows, start = 0, time.perf_counter()
            if counters.is_exhausted(training.settings.patience):
                break
    training.run.restore_best()
