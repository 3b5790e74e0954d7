"""What both objectives share: building the run, planning its steps and taking them."""

from typing import NamedTuple

import numpy as np
import torch

from strata.settings.params import Adapt
from strata.training.plan import Step, plan_of
from strata.training.process_group import ProcessGroup
from strata.training.run import Advice, Loss, Run
from strata.training.snapshot import Snapshots

WARMUP = 0.06  # share of all steps, as in Gururangan et al.
LOSS_POINTS = 10
ADVICE = Advice("lower adapt.batch_size, or lower tokenize.max_length", "lower adapt.lr")


class Result(NamedTuple):
    """first, last: the first and last points of the loss curve, each a mean over steps."""

    steps: int
    first: float
    last: float


def run_of(model: torch.nn.Module, input_ids: list[np.ndarray], loss: Loss, precision: str) -> Run:
    """Return the run of an objective, in one process. Arguments: as in `Run`."""
    group = ProcessGroup(1)
    model.to(group.device)
    fixed = {"weight_decay": 0.0, "max_grad_norm": 1.0, "is_compiled": False}
    return Run(model, input_ids, loss, precision, group, ADVICE, **fixed)


def take_all(run: Run, steps: list[Step], settings: Adapt, seed: int, snapshots: Snapshots) -> Result:
    """Take all steps, or those left by an interrupted run.

    The learning rate rises to settings.lr, and then falls to 0.
    Raises: StrataError when the loss becomes NaN or infinite, memory runs out, or no state can be saved.
    """
    planned = plan_of(steps, settings.lr, "linear", WARMUP, LOSS_POINTS)
    with snapshots.forgetting_batch_on_error():
        for _ in run.steps(planned, seed, snapshots):
            pass
    points = run.counters.training
    return Result(planned.steps, points[0]["loss"], points[-1]["loss"])
