"""What each optimizer step of fine-tuning does, and after which steps validation rows are scored."""

import math

import numpy as np

from strata.settings.params import Train
from strata.training.plan import Batching, Plan, plan_of, steps_of_epochs

LOSS_POINTS = 50  # points of the training-loss curve, at most


def plan(lengths: np.ndarray, seed: int, settings: Train, device: str) -> Plan:
    """Return the plan of a run. lengths: (rows,) tokens of the training rows. device: cpu or cuda.

    It has settings.epochs passes over the rows, and more until it has settings.min_steps steps. Validation rows are
    scored as often as without these, at larger distances: on few rows, a score after each short pass says little.
    """
    batching = Batching(
        settings.batch_size, device == "cpu", tokens=settings.batch_tokens, per_step=settings.gradient_accumulation
    )
    steps = steps_of_epochs(lengths, seed, settings.epochs, settings.min_steps or 0, batching)
    evaluations = evaluation_steps(len(steps), settings.evaluations_per_epoch * settings.epochs)
    return plan_of(steps, settings.lr, settings.schedule, settings.warmup, LOSS_POINTS, evaluations)


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """Return the steps after which validation rows are scored: evenly spaced, up to the last step."""
    return {math.ceil(steps * (i + 1) / evaluations) for i in range(evaluations)}
