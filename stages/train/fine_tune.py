"""The training loop.

What happens in a step is decided by the step's number alone: its rows are planned before the first one, and the random
numbers of its dropout are seeded with it. So a run that goes on from a saved state ends in the same bytes.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from tqdm import tqdm
from transformers import PreTrainedModel

from stages.shared import params
from stages.shared.batches import padded, probabilities
from stages.shared.command import StageError
from stages.shared.labels import Labels
from stages.shared.scores import LOWER_IS_BETTER, scores
from stages.train import batches, loss, memory
from stages.train.group import Group
from stages.train.optimizer import Optimizer, rate
from stages.train.snapshot import Snapshots

LOSS_POINTS = 50  # points of the training-loss curve, at most
EVALUATION_BATCH = 128  # rows


@dataclass
class Rows:
    """A tokenized split."""

    input_ids: list[np.ndarray]  # token ids of each row
    label: np.ndarray  # (rows,) int


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


def step_seed(seed: int, step: int, rank: int) -> int:
    """Return the seed of a step's random numbers in one process."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0])


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """Return after which steps validation rows are scored: evenly spread, the last step among them."""
    return {math.ceil(steps * (i + 1) / evaluations) for i in range(evaluations)}


class Training:
    """One run: the model, its optimizer and what has been counted so far.

    model: trained in place. splits: train and validation. precision: bf16, fp16 or fp32, of matrix products.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        splits: dict[str, Rows],
        labels: Labels,
        settings: params.Train,
        precision: str,
        group: Group,
    ):
        self.model, self.splits, self.labels, self.settings, self.group = model, splits, labels, settings, group
        self.device = next(model.parameters()).device
        self.compute = torch.compile(model, dynamic=True) if settings.compile else model
        self.pad_id = model.config.pad_token_id or 0
        is_half_on_cpu = self.device.type == "cpu" and precision == "bf16"
        self.optimizer = Optimizer(model, settings.weight_decay, settings.max_grad_norm, is_half_on_cpu)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        self.dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        weights = loss.class_weights(splits["train"].label, labels, settings.class_weights)
        self.class_weights = None if weights is None else weights.to(self.device)
        self.teacher: torch.Tensor | None = None  # (rows, labels), its log-probabilities of the training rows
        self.counters, self.best = Counters(), None

    def learn_from(self, teacher: PreTrainedModel) -> None:
        """Have a teacher score all training rows, once."""
        self.teacher = torch.from_numpy(np.log(self.score(teacher.eval(), self.splits["train"].input_ids).clip(1e-30)))

    def score(self, model: torch.nn.Module, input_ids: list[np.ndarray]) -> np.ndarray:
        """Return a model's probabilities: (rows, labels) float64. Raises: ValueError when one is no number."""
        with torch.inference_mode():
            return probabilities(
                input_ids, lambda *batch: self.logits(model, *batch).cpu().numpy(), EVALUATION_BATCH, self.pad_id
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
        for rows in planned:
            longest = max(len(self.splits["train"].input_ids[i]) for i in rows)
            mine = rows[self.group.rank :: self.group.size]
            snapshots.note(self.counters.step + 1, len(mine), longest)
            with memory.explained(self.counters.step + 1, len(mine), longest):
                if len(mine):
                    summed += self.backward(mine, rows_in_step)
        with memory.explained(self.counters.step + 1, len(mine), longest):
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
            found = self.score(self.compute, rows.input_ids[mine])
        except ValueError:
            raise StageError(
                "the loss has become NaN or infinite; lower train.lr, or set train.precision to fp32"
            ) from None
        self.compute.train()
        shares[mine] = torch.from_numpy(found).to(self.device)
        self.group.sum(shares)
        scored = scores(rows.label, shares.cpu().numpy(), self.labels.positive_id)
        return {"step": self.counters.step, "loss": scored["log_loss"], **scored}

    def evaluate(self) -> None:
        """Score the validation rows, and remember the weights if they are the best so far."""
        entry, metric = self.score_validation(), self.settings.best_metric
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
        """Take over the state that an earlier run of this key saved, if there is one."""
        saved, noted = snapshots.load(), snapshots.noted()
        if saved:
            tensors, counters = saved
            self.counters = Counters(**counters)
            self.optimizer.load_state(tensors)
            self.scaler.load_state_dict(self.counters.scaler)
            best = {name.removeprefix("best."): t for name, t in tensors.items() if name.startswith("best.")}
            self.best = best or None
        if self.group.is_first and noted:
            print(
                f"train: an earlier run ended in step {noted['step']:,} of {steps:,}, at a batch of {noted['rows']:,} "
                f"rows of up to {noted['tokens']:,} tokens (if the system did so for lack of memory, {memory.REMEDY})"
            )
        if self.group.is_first and saved:
            print(f"train: goes on after step {self.counters.step:,} of {steps:,}", flush=True)


def fine_tune(training: Training, seed: int, snapshots: Snapshots, publish: Callable[[Counters], object]) -> Counters:
    """Run all steps, or those that an earlier run has left, and leave the model with the best weights in fp32.

    publish: takes what has been counted, whenever a curve has a new point.
    Raises: StageError on a loss that is no number, when memory runs out, and when no state can be saved.
    """
    settings, counters = training.settings, training.counters
    lengths = np.array([len(ids) for ids in training.splits["train"].input_ids])
    planned = batches.steps(
        lengths, seed, settings.epochs, settings.batch_size, settings.batch_tokens, settings.gradient_accumulation
    )
    steps, warmup = len(planned), math.ceil(len(planned) * settings.warmup)
    evaluate_at = evaluation_steps(steps, settings.evaluations_per_epoch * settings.epochs)
    point_every, point = max(1, steps // LOSS_POINTS), 0
    training.resume(snapshots, steps)
    counters = training.counters
    training.compute.train()
    with tqdm(total=steps, initial=counters.step, unit="step", disable=not sys.stderr.isatty()) as bar:
        while counters.step < steps and not counters.is_exhausted(settings.patience):
            lr = settings.lr * rate(settings.schedule, counters.step, steps, warmup)
            torch.manual_seed(step_seed(seed, counters.step, training.group.rank))
            training.step(planned[counters.step], lr, snapshots)
            snapshots.check_parent()
            bar.update()
            if counters.step % point_every == 0:
                point = counters.loss / point_every
                counters.training.append({"step": counters.step, "loss": point, "learning_rate": lr})
                counters.loss = 0.0
                bar.set_postfix(loss=f"{point:.4f}")
            if counters.step in evaluate_at:
                training.evaluate()
            if training.group.is_first and (counters.step % point_every == 0 or counters.step in evaluate_at):
                publish(counters)
            if counters.step < steps and snapshots.is_due(counters.step):
                training.save(snapshots)
    training.optimizer.load_weights(training.best)
    training.optimizer.restore_precision()
    return counters
