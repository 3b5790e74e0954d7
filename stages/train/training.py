"""One run's state and its steps.

What happens in a step is decided by the step's number alone: its rows are planned before the first one, and the random
numbers of its dropout are seeded with it. So a run that goes on from a saved state ends in the same bytes.
"""

from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from transformers import PreTrainedModel

from stages.train import loss, memory
from stages.train.model import keep_in_bf16
from stages.train.optimizer import Optimizer
from stages.train.process_group import ProcessGroup
from stages.train.snapshot import Snapshots
from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model.batches import padded, probabilities
from strata.model.tokens import TokenizedRows
from strata.scoring import LOWER_IS_BETTER, scores
from strata.settings.params import Train

SCORED = 128  # rows of a batch that is scored and not learned from


@dataclass
class Counters:
    """What a run has counted up to a step, and saves with its state."""

    step: int = 0
    training: list[dict] = field(default_factory=list)  # points of the loss curve
    validation: list[dict] = field(default_factory=list)  # scores of each evaluation
    loss: float = 0.0  # summed over the steps since the last point
    best_step: int = 0
    scaler: dict = field(default_factory=dict)  # of fp16's gradients

    def is_exhausted(self, patience: int | None) -> bool:
        """Whether so many evaluations came after the best one."""
        return patience is not None and sum(entry["step"] > self.best_step for entry in self.validation) >= patience


class Training:
    """One run: the model, its optimizer and what has been counted so far.

    model: trained in place. splits: train and validation. precision: bf16, fp16 or fp32, of matrix products.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        splits: dict[str, TokenizedRows],
        labels: Labels,
        settings: Train,
        precision: str,
        group: ProcessGroup,
    ):
        self.model, self.splits, self.labels, self.settings, self.group = model, splits, labels, settings, group
        self.device = next(model.parameters()).device
        self.compute = torch.compile(model, dynamic=True) if settings.compile else model
        self.pad_id = model.config.pad_token_id or 0
        is_half_on_cpu = self.device.type == "cpu" and precision == "bf16"
        if is_half_on_cpu:
            keep_in_bf16(model)
        self.optimizer = Optimizer(model, settings.weight_decay, settings.max_grad_norm, is_half_on_cpu)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        self.dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        weights = loss.class_weights(splits["train"].label, labels, settings.class_weights)
        self.class_weights = None if weights is None else weights.to(self.device)
        self.teacher: torch.Tensor | None = None  # (rows, labels), its log-probabilities of the training rows
        self.counters, self.best = Counters(), None

    def learn_from(self, teacher: PreTrainedModel) -> None:
        """Have a teacher score all training rows, once."""
        scored = self.score(teacher.eval(), self.splits["train"].input_ids, "the teacher scores training rows")
        self.teacher = torch.from_numpy(np.log(scored.clip(1e-30)))

    def score(self, model: torch.nn.Module, input_ids: list[np.ndarray], doing: str) -> np.ndarray:
        """Return a model's probabilities: (rows, labels) float64.

        doing: what this is for, in the words of an error. Raises: ValueError when a probability is no number.
        """
        longest = max(map(len, input_ids))
        with torch.inference_mode(), memory.explained(f"while {doing}", SCORED, longest, memory.SCORING_REMEDY):
            return probabilities(
                input_ids, lambda *batch: self.logits(model, *batch).cpu().numpy(), SCORED, self.pad_id
            )

    def logits(self, model: torch.nn.Module, ids: np.ndarray, mask: np.ndarray) -> torch.Tensor:
        """Return (rows, labels) float32. ids, mask: (rows, longest) int64."""
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            return model(**{name: tensor.to(self.device) for name, tensor in inputs.items()}).logits.float()

    def backward(self, rows: np.ndarray, rows_in_step: int) -> torch.Tensor:
        """Add a batch's gradient and return its part of the step's loss. rows: this process's."""
        train = self.splits["train"]
        logits = self.logits(self.compute, *padded([train.input_ids[i] for i in rows], self.pad_id))
        label = torch.from_numpy(train.label[rows]).to(self.device)
        summed = loss.total(logits, label, self.class_weights, self.settings.label_smoothing)
        if self.teacher is not None:
            share, wanted = self.settings.teacher_weight, self.teacher[rows].float().to(self.device)
            summed = torch.lerp(summed, loss.distilled(logits, wanted, self.settings.teacher_temperature), share)
        part = summed / rows_in_step
        self.scaler.scale(part).backward()
        return part.detach()

    def step(self, planned: list[np.ndarray], lr: float, snapshots: Snapshots) -> None:
        """Take one optimizer step on its batches."""
        rows_in_step = sum(map(len, planned))
        summed = torch.zeros((), device=self.device)
        where = f"in step {self.counters.step + 1:,}"
        for rows in planned:
            longest = max(len(self.splits["train"].input_ids[i]) for i in rows)
            mine = rows[self.group.rank :: self.group.size]
            snapshots.note(where, len(mine), longest)
            with memory.explained(where, len(mine), longest):
                if len(mine):
                    summed += self.backward(mine, rows_in_step)
        with memory.explained(where, len(mine), longest):
            gradients = self.optimizer.gather_gradients(fill=self.group.size > 1)
            self.group.sum(summed, *gradients)
            self.scaler.unscale_(self.optimizer.adamw)
            self.optimizer.step(lr, self.scaler)
        self.counters.step += 1
        self.counters.loss += summed.item()

    def score_validation(self) -> dict[str, float]:
        """Score the validation rows, each process its share of them."""
        rows = self.splits["validation"]
        mine = slice(self.group.rank, None, self.group.size)
        shares = torch.zeros(len(rows.label), len(self.labels.names), dtype=torch.float64, device=self.device)
        self.compute.eval()
        try:
            if rows.input_ids[mine]:
                found = self.score(self.compute, rows.input_ids[mine], "scoring validation rows")
                shares[mine] = torch.from_numpy(found).to(self.device)
        except ValueError:
            raise StrataError(
                "the loss has become NaN or infinite; lower train.lr, or set train.precision to fp32"
            ) from None
        self.compute.train()
        self.group.sum(shares)
        scored = scores(rows.label, shares.cpu().numpy(), self.labels.positive_id)
        return {"step": self.counters.step, "loss": scored["log_loss"], **scored}

    def evaluate(self, snapshots: Snapshots) -> None:
        """Score the validation rows, and remember the weights if they are the best so far."""
        snapshots.note("in scoring validation rows", SCORED, max(map(len, self.splits["validation"].input_ids)))
        entry, metric = self.score_validation(), self.settings.best_metric
        if entry[metric] is None:
            raise StrataError(
                f"train.best_metric {metric} is undefined on validation rows of one label; choose accuracy or loss"
            )
        sign = -1 if metric in LOWER_IS_BETTER else 1
        before = [sign * e[metric] for e in self.counters.validation if e["step"] == self.counters.best_step]
        self.counters.validation.append(entry)
        if not before or sign * entry[metric] > before[0]:
            self.counters.best_step = self.counters.step
            self.best = {name: w.detach().cpu().clone() for name, w in self.optimizer.weights.items()}

    def save(self, snapshots: Snapshots) -> None:
        """Save the state after this step."""
        self.counters.scaler = self.scaler.state_dict()
        best = {f"best.{name}": tensor for name, tensor in (self.best or {}).items()}
        snapshots.save(self.optimizer.state() | best, asdict(self.counters))

    def resume(self, snapshots: Snapshots, steps: int) -> None:
        """Take over the state that an earlier run of this key saved, if there is one, in every process."""
        noted = snapshots.noted()
        saved = self.group.share(snapshots.load())
        if saved:
            tensors, counters = saved
            self.counters = Counters(**counters)
            self.optimizer.load_state(tensors)
            self.scaler.load_state_dict(self.counters.scaler)
            best = {name.removeprefix("best."): t.cpu() for name, t in tensors.items() if name.startswith("best.")}
            self.best = best or None
        if noted:
            print(
                f"train: an earlier run ended {noted['where']} of {steps:,} steps, at a batch of {noted['rows']:,} "
                f"rows of up to {noted['tokens']:,} tokens (if the system did so for lack of memory, {memory.REMEDY})"
            )
        if self.group.is_first and saved:
            print(f"train: goes on after step {self.counters.step:,} of {steps:,}", flush=True)
