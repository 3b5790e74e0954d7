"""The training loop: all steps, validation between them, and the best weights at the end."""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from tqdm import tqdm

from stages.train import validation
from stages.train.counters import Counters
from stages.train.plan import Plan, plan
from stages.train.snapshot import Snapshots
from stages.train.training import Training
from strata.base.errors import StrataError

Publish = Callable[[Counters, float], object]
"""Takes the counters, and the rows per second since its last call."""


def step_seed(seed: int, step: int, rank: int) -> int:
    """Return the seed of a step's random numbers in one process."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0])


def fine_tune(training: Training, seed: int, snapshots: Snapshots, publish: Publish) -> None:
    """Run all steps, or those that an interrupted run left, and give the model the best weights in fp32.

    publish: called whenever a curve has a new point.
    Raises: StrataError when the loss becomes NaN, memory runs out, or no state can be saved.
    """
    planned = plan(training.splits["train"].lengths, seed, training.settings, training.device.type)
    training.resume(snapshots, planned.steps)
    training.compiled.train()
    try:
        _run_steps(training, planned, seed, snapshots, publish)
    except StrataError:
        snapshots.forget_batch()  # the error says why the run ends
        raise
    training.restore_best_weights()


def _run_steps(training: Training, planned: Plan, seed: int, snapshots: Snapshots, publish: Publish) -> None:
    """Run the steps that are left, until the last one or until patience is exhausted."""
    counters, process_group = training.counters, training.process_group
    rows, start = 0, time.perf_counter()  # since the last call of publish
    with _progress_bar(counters.step, planned.steps, process_group.is_first) as bar:
        while counters.step < planned.steps and not counters.is_exhausted(training.settings.patience):
            batches, lr = planned.batches[counters.step], planned.learning_rates[counters.step]
            torch.manual_seed(step_seed(seed, counters.step, process_group.rank))
            rows += sum(map(len, batches))
            training.step(batches, lr, snapshots)
            snapshots.check_parent()
            bar.update()
            if is_point := counters.step % planned.point_every == 0:
                counters.add_loss_point(planned.point_every, lr)
            if counters.step in planned.evaluations:
                validation.evaluate(training, snapshots)
            if is_point or counters.step in planned.evaluations:
                rows_per_second = rows / (time.perf_counter() - start)
                publish(counters, rows_per_second)
                losses = [f"{point['loss']:.4f}" for point in counters.training[-1:]]
                bar.set_postfix(loss=", ".join(losses), rows=f"{rows_per_second:.0f}/s")
                rows, start = 0, time.perf_counter()
            if counters.step < planned.steps and snapshots.is_due(counters.step):
                training.save(snapshots)


def _progress_bar(step: int, steps: int, is_first: bool) -> tqdm:
    """Return a bar that is shown in a terminal, by the first process."""
    return tqdm(total=steps, initial=step, unit="step", disable=not (is_first and sys.stderr.isatty()))
