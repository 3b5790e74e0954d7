"""The learning rate of each step."""

import math

SCHEDULES = {
    "linear": lambda progress: 1 - progress,
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
    "constant_with_warmup": lambda progress: 1.0,
}
"""By train.schedule: the share of the peak after the warm-up. progress: 0 at its end, 1 at the end of training."""


def learning_rate(schedule: str, step: int, steps: int, warmup: int) -> float:
    """Return the learning rate of a step, counted from 0, as a share of the peak.

    It rises from 0 over `warmup` steps and then follows the schedule. Raises: KeyError on an unknown schedule.
    """
    decay = SCHEDULES[schedule]
    if step < warmup:
        return step / warmup
    return decay((step - warmup) / max(1, steps - warmup))
