"""One training run: its state and its optimizer steps.

A step depends on nothing but the state before it and its number: its batches are planned in advance, and its number,
the seed and the rank seed its dropout and masking. So a resumed run ends in the same bytes as one that was not
interrupted.
"""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from strata.base.errors import StrataError
from strata.model.documents import windows_of
from strata.model.precision import AUTOCAST
from strata.training import memory
from strata.training.bf16 import keep_activations_in_bf16
from strata.training.counters import Counters
from strata.training.optimizer import Optimizer
from strata.training.plan import Plan, Step
from strata.training.process_group import ProcessGroup
from strata.training.snapshot import Snapshots

BEST = "best."  # of the names in the saved state

Loss = Callable[["Run", np.ndarray, int], torch.Tensor]
"""Takes a run, the positions of a batch's rows, (rows,) int, and the number of rows in the step. Returns the batch's
share of the step's loss."""


class Advice(NamedTuple):
    """What error messages tell the user to change."""

    on_memory: str  # when memory runs out
    on_nan: str  # when the loss becomes NaN or infinite


class Run:
    """The model, its optimizer, the counters and the best weights so far.

    model: trained in place. input_ids: token ids of the training rows, as `documents` says. loss: see `Loss`.
    precision: bf16, fp16 or fp32, for matrix products. advice: for error messages. is_compiled: whether torch.compile
    is used.
    """

    def __init__(
        self,
        model: nn.Module,
        input_ids: Sequence[np.ndarray],
        loss: Loss,
        precision: str,
        process_group: ProcessGroup,
        advice: Advice,
        *,
        weight_decay: float,
        max_grad_norm: float,
        is_compiled: bool,
    ):
        self.model, self.input_ids, self.loss, self.precision = model, input_ids, loss, precision
        self.process_group, self.advice = process_group, advice
        self.device = next(model.parameters()).device
        self.dtype = AUTOCAST[precision]
        if self.device.type == "cpu" and precision == "bf16":
            keep_activations_in_bf16(model)
        self.optimizer = Optimizer(model, weight_decay, max_grad_norm)
        self.network = process_group.shared(torch.compile(model, dynamic=True) if is_compiled else model)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        self.counters = Counters()
        self.best: dict[str, torch.Tensor] | None = None  # weights, and what else goes with them

    def outputs(self, model: nn.Module, **inputs: torch.Tensor) -> Any:
        """Move the inputs to the run's device and return the model's outputs in the run's precision."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            return model(**{name: tensor.to(self.device) for name, tensor in inputs.items()})

    def backward(self, batch: np.ndarray, rows_in_step: int, is_last: bool) -> torch.Tensor:
        """Add the gradient of this process's rows of a batch, and return their share of the step's loss.

        batch: positions, (rows,) int. is_last: whether the step ends here. Its backward pass sums the gradients of all
        processes, even those without rows.
        """
        group = self.process_group
        own = batch[group.rank :: group.size]
        if not len(own) and not is_last:
            return torch.zeros((), device=self.device)
        with nullcontext() if is_last else group.on_its_own(self.network):
            share = self.loss(self, own, rows_in_step) if len(own) else 0 * self.loss(self, batch[:1], rows_in_step)
            self.scaler.scale(share * group.size).backward()  # DDP averages; this makes it a sum
        return share.detach()

    def step(self, batches: Step, lr: float, snapshots: Snapshots) -> None:
        """Take one optimizer step. batches: the positions of their rows, (rows,) int each.

        Raises: StrataError when the loss becomes NaN or infinite, or memory runs out.
        """
        rows_in_step, group = sum(map(len, batches)), self.process_group
        step_loss = torch.zeros((), device=self.device)
        where = f"in step {self.counters.step + 1:,}"
        for i, batch in enumerate(batches):
            of_batch = [self.input_ids[position] for position in batch]
            longest, windows = max(ids.size for ids in of_batch), windows_of(of_batch)[0]
            self.counters.tokens += len(windows) * max(map(len, windows))
            rows = len(batch[group.rank :: group.size])
            snapshots.note_batch(where, rows, longest)
            with memory.explained(where, rows, longest, self.advice.on_memory):
                step_loss += self.backward(batch, rows_in_step, i == len(batches) - 1)
        with memory.explained(where, rows, longest, self.advice.on_memory):
            group.sum(step_loss)
            self.optimizer.step(lr, self.scaler)
        self.counters.step += 1
        self.counters.loss += step_loss.item()
        if not math.isfinite(self.counters.loss):
            raise StrataError(f"the loss has become NaN or infinite; {self.advice.on_nan}")

    def steps(self, plan: Plan, seed: int, snapshots: Snapshots) -> Iterator[int]:
        """Take the remaining steps, and yield each one's number of rows. The state is saved when due.

        Raises: StrataError when the loss becomes NaN or infinite, memory runs out, or no state can be saved.
        """
        self.resume(snapshots, plan.steps)
        self.network.train()
        rows = [sum(map(len, step)) for step in plan.batches]
        first = self.counters.step
        is_shown = self.process_group.is_first and sys.stderr.isatty()
        with tqdm(total=sum(rows), initial=sum(rows[:first]), unit=" rows", disable=not is_shown) as bar:
            for i in range(first, plan.steps):
                torch.manual_seed(step_seed(seed, i, self.process_group.rank))
                self.step(plan.batches[i], plan.learning_rates[i], snapshots)
                snapshots.check_parent()
                bar.update(rows[i])
                if self.counters.step % plan.point_every == 0:
                    self.counters.add_loss_point(plan.point_every, plan.learning_rates[i])
                    bar.set_postfix(loss=f"{self.counters.training[-1]['loss']:.4f}")
                yield rows[i]
                if self.counters.step < plan.steps and snapshots.is_due(self.counters.step):
                    self.save(snapshots)

    def keep_best(self, **also: torch.Tensor) -> None:
        """Keep the current weights as the best so far, with the tensors that belong to them."""
        self.counters.best_step = self.counters.step
        self.best = {name: w.detach().cpu().clone() for name, w in self.optimizer.weights.items()} | also

    def restore_best(self) -> None:
        """Give the model the best weights."""
        self.optimizer.load_weights(self.best)

    def save(self, snapshots: Snapshots) -> None:
        """Save the state after this step."""
        self.counters.scaler = self.scaler.state_dict()
        best = {f"{BEST}{name}": tensor for name, tensor in (self.best or {}).items()}
        snapshots.save(self.optimizer.state() | best, asdict(self.counters))

    def resume(self, snapshots: Snapshots, steps: int) -> None:
        """Load the state that an earlier, interrupted run saved, if there is one, in every process."""
        batch = snapshots.last_batch()
        state = self.process_group.broadcast(snapshots.load())
        if state:
            tensors, counters = state
            self.counters = Counters(**counters)
            self.optimizer.load_state(tensors)
            self.scaler.load_state_dict(self.counters.scaler)
            best = {name.removeprefix(BEST): kept.cpu() for name, kept in tensors.items() if name.startswith(BEST)}
            self.best = best or None
        if batch:
            where = f"{batch['where']}, on a batch of {batch['rows']:,} rows of up to {batch['tokens']:,} tokens"
            remedy = f"if the system killed it for lack of memory, {self.advice.on_memory}"
            print(f"{snapshots.stage}: an earlier run of {steps:,} steps ended {where} ({remedy})")
        if self.process_group.is_first and state:
            print(f"{snapshots.stage}: resumes after step {self.counters.step:,} of {steps:,}", flush=True)


def step_seed(seed: int, step: int, rank: int) -> int:
    """Return the seed of a step's random numbers in one process."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0])
