"""The training loop: the steps of all epochs, validation between them, and the best weights in the end."""

import math
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from tqdm import tqdm

from stages.train import batches
from stages.train.optimizer import rate
from stages.train.snapshot import Snapshots
from stages.train.training import Counters, Training
from strata.base.errors import StrataError

LOSS_POINTS = 50  # points of the training-loss curve, at most


def step_seed(seed: int, step: int, rank: int) -> int:
    """Return the seed of a step's random numbers in one process."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0])


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """Return after which steps validation rows are scored: evenly spread, the last step among them."""
    return {math.ceil(steps * (i + 1) / evaluations) for i in range(evaluations)}


def fine_tune(
    training: Training, seed: int, snapshots: Snapshots, publish: Callable[[Counters, float], object]
) -> Counters:
    """Run all steps, or those that an earlier run has left, and leave the model with the best weights in fp32.

    publish: takes what has been counted, and the rows a second since it was called last, whenever a curve has a new
    point.
    Raises: StrataError on a loss that is no number, when memory runs out, and when no state can be saved.
    """
    settings = training.settings
    lengths = np.array([len(ids) for ids in training.splits["train"].input_ids])
    planned = batches.steps(
        lengths, seed, settings.epochs, settings.batch_size, settings.batch_tokens, settings.gradient_accumulation
    )
    steps, warmup = len(planned), math.ceil(len(planned) * settings.warmup)
    evaluate_at = evaluation_steps(steps, settings.evaluations_per_epoch * settings.epochs)
    point_every = math.ceil(steps / LOSS_POINTS)
    training.resume(snapshots, steps)
    counters, is_first = training.counters, training.group.is_first
    training.compute.train()
    rows, since = 0, time.perf_counter()
    try:
        with tqdm(
            total=steps, initial=counters.step, unit="step", disable=not (is_first and sys.stderr.isatty())
        ) as bar:
            while counters.step < steps and not counters.is_exhausted(settings.patience):
                lr = settings.lr * rate(settings.schedule, counters.step, steps, warmup)
                torch.manual_seed(step_seed(seed, counters.step, training.group.rank))
                rows += sum(map(len, planned[counters.step]))
                training.step(planned[counters.step], lr, snapshots)
                snapshots.check_parent()
                bar.update()
                is_point = counters.step % point_every == 0
                if is_point:
                    point = counters.loss / point_every
                    counters.training.append({"step": counters.step, "loss": point, "learning_rate": lr})
                    counters.loss = 0.0
                if counters.step in evaluate_at:
                    training.evaluate(snapshots)
                if is_point or counters.step in evaluate_at:
                    speed = rows / (time.perf_counter() - since)
                    publish(counters, speed)
                    losses = [f"{entry['loss']:.4f}" for entry in counters.training[-1:]]
                    bar.set_postfix(loss=", ".join(losses), rows=f"{speed:.0f}/s")
                    rows, since = 0, time.perf_counter()
                if counters.step < steps and snapshots.is_due(counters.step):
                    training.save(snapshots)
    except StrataError:
        snapshots.forget_note()  # the error has said what there is to say
        raise
    training.optimizer.load_weights(training.best)
    training.optimizer.restore_precision()
    return counters
