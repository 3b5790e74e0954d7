"""What the two objectives share: the plan of their steps, and the run of all of them."""

from typing import NamedTuple

import numpy as np
import torch

from strata.base.errors import StrataError
from strata.settings.params import Adapt
from strata.training.plan import Plan, Step, plan_of
from strata.training.process_group import ProcessGroup
from strata.training.run import Run
from strata.training.snapshot import Snapshots

WARMUP = 0.06  # share of all steps, as in Gururangan et al.
LOSS_POINTS = 10
REMEDY = "lower adapt.batch_size, or lower tokenize.max_length"


class Adaptation(Run):
    """The run of an objective, in one process. model, input_ids, precision: as in `Run`."""

    def __init__(self, model: torch.nn.Module, input_ids: list[np.ndarray], precision: str):
        group = ProcessGroup(1)
        super().__init__(
            model.to(group.device),
            input_ids,
            precision,
            group,
            weight_decay=0.0,
            max_grad_norm=1.0,
            is_compiled=False,
            remedy=REMEDY,
        )


class Result(NamedTuple):
    """first, last: the mean loss in about the first and the last tenth of the steps."""

    steps: int
    first: float
    last: float


def plan(steps: list[Step], settings: Adapt) -> Plan:
    """Return the plan of these steps: a learning rate that rises, and then falls to 0."""
    return plan_of(steps, settings.lr, "linear", WARMUP, LOSS_POINTS)


def adapt(adaptation: Adaptation, planned: Plan, seed: int, snapshots: Snapshots) -> Result:
    """Take all steps, or those that an interrupted run left. The model then has its weights in fp32.

    Raises: StrataError when the loss becomes NaN or infinite, memory runs out, or no state can be saved.
    """
    with snapshots.forgotten_on_error():
        for _ in adaptation.steps(planned, seed, snapshots):
            counters = adaptation.counters
            if not np.isfinite([counters.loss, *(point["loss"] for point in counters.training[-1:])]).all():
                raise StrataError("the loss has become NaN or infinite; lower adapt.lr")
    adaptation.optimizer.restore_precision()
    points = adaptation.counters.training
    return Result(planned.steps, points[0]["loss"], points[-1]["loss"])
