"""The state of one run, and its optimizer steps.

A step depends on nothing but the state before it and its number: its batches are planned in advance, and its number
seeds the random numbers of its dropout. So a resumed run ends in the same bytes as one that was not interrupted.
"""

from dataclasses import asdict

import numpy as np
import torch
from transformers import PreTrainedModel

from stages.train import loss, memory
from stages.train.bf16 import keep_activations_in_bf16
from stages.train.counters import Counters
from stages.train.optimizer import Optimizer
from stages.train.process_group import ProcessGroup
from stages.train.snapshot import Snapshots
from strata.labels import Labels
from strata.model.batches import padded
from strata.model.documents import means, windows_of
from strata.model.precision import AUTOCAST
from strata.model.tokens import TokenizedRows
from strata.settings.params import Train

PROBABILITIES = "best_probabilities"  # name of the tensor in the saved state


class Training:
    """One run: the model, its optimizer, the counters and the best weights so far.

    model: trained in place. splits: train and validation. precision: bf16, fp16 or fp32, for matrix products.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        splits: dict[str, TokenizedRows],
        labels: Labels,
        settings: Train,
        precision: str,
        process_group: ProcessGroup,
    ):
        self.model, self.splits, self.labels, self.settings = model, splits, labels, settings
        self.precision, self.process_group = precision, process_group
        self.device = next(model.parameters()).device
        self.compiled = torch.compile(model, dynamic=True) if settings.compile else model
        self.pad_id = model.config.pad_token_id or 0  # without one, any id will do, since it is masked
        is_bf16_on_cpu = self.device.type == "cpu" and precision == "bf16"
        if is_bf16_on_cpu:
            keep_activations_in_bf16(model)
        self.optimizer = Optimizer(model, settings, is_bf16_on_cpu)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        self.dtype = AUTOCAST[precision]
        class_weights = loss.class_weights(splits["train"].label, labels, settings.class_weights)
        self.class_weights = None if class_weights is None else class_weights.to(self.device)
        self.teacher: torch.Tensor | None = None  # log of the teachers' mean probabilities: (rows, labels)
        self.counters = Counters()
        self.best_weights: dict[str, torch.Tensor] | None = None
        self.best_probabilities: torch.Tensor | None = None  # of the validation rows: (rows, labels) float64

    def logits(self, model: torch.nn.Module, ids: np.ndarray, mask: np.ndarray) -> torch.Tensor:
        """Return a model's logits, (rows, labels) float32. ids, mask: (rows, longest) int64."""
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
            return model(**{name: tensor.to(self.device) for name, tensor in inputs.items()}).logits.float()

    def backward(self, rows: np.ndarray, rows_in_step: int) -> torch.Tensor:
        """Add the gradient of a batch and return its share of the step's loss. rows: positions, (rows,) int."""
        train, settings = self.splits["train"], self.settings
        windows, counts = windows_of([train.input_ids[i] for i in rows])
        logits = self.logits(self.compiled, *padded(windows, self.pad_id))
        if len(windows) > len(rows):
            logits = torch.stack(means(logits, counts))
        label = torch.from_numpy(train.label[rows]).to(self.device)
        total = loss.summed_cross_entropy(logits, label, self.class_weights, settings.label_smoothing)
        if self.teacher is not None:
            teacher = self.teacher[rows].float().to(self.device)
            distillation = loss.summed_distillation(logits, teacher, settings.teacher_temperature)
            total = torch.lerp(total, distillation, settings.teacher_weight)
        share = total / rows_in_step
        self.scaler.scale(share).backward()
        return share.detach()

    def step(self, batches: list[np.ndarray], lr: float, snapshots: Snapshots) -> None:
        """Take one optimizer step. batches: the positions of their rows, (rows,) int each."""
        rows_in_step = sum(map(len, batches))
        step_loss = torch.zeros((), device=self.device)
        where, tokens = f"in step {self.counters.step + 1:,}", 0
        for batch in batches:
            of_batch = [self.splits["train"].input_ids[i] for i in batch]
            longest, windows = max(ids.size for ids in of_batch), windows_of(of_batch)[0]
            tokens += len(windows) * max(map(len, windows))
            rows = batch[self.process_group.rank :: self.process_group.size]  # the share of this process
            snapshots.note_batch(where, len(rows), longest)
            with memory.explained(where, len(rows), longest):
                if len(rows):
                    step_loss += self.backward(rows, rows_in_step)
        with memory.explained(where, len(rows), longest):
            gradients = self.optimizer.gather_gradients(fill=self.process_group.size > 1)
            self.process_group.sum(step_loss, *gradients)
            self.scaler.unscale_(self.optimizer.adamw)
            self.optimizer.step(lr, self.scaler)
        self.counters.step += 1
        self.counters.tokens += tokens
        self.counters.loss += step_loss.item()

    def keep_best(self, probabilities: np.ndarray) -> None:
        """Remember the weights that the model has now as the best so far, and the probabilities of the validation rows.

        probabilities: (rows, labels) float64.
        """
        self.counters.best_step = self.counters.step
        self.best_probabilities = torch.from_numpy(probabilities)
        self.best_weights = {name: w.detach().cpu().clone() for name, w in self.optimizer.weights.items()}

    def restore_best_weights(self) -> None:
        """Give the model the best weights, in fp32."""
        self.optimizer.load_weights(self.best_weights)
        self.optimizer.restore_precision()

    def save(self, snapshots: Snapshots) -> None:
        """Save the state after this step."""
        self.counters.scaler = self.scaler.state_dict()
        best = {f"best.{name}": tensor for name, tensor in (self.best_weights or {}).items()}
        if self.best_probabilities is not None:
            best[PROBABILITIES] = self.best_probabilities
        snapshots.save(self.optimizer.state() | best, asdict(self.counters))

    def resume(self, snapshots: Snapshots, steps: int) -> None:
        """Load the state that an earlier, interrupted run saved, if there is one, in every process."""
        batch = snapshots.last_batch()
        state = self.process_group.broadcast(snapshots.load())
        if state:
            tensors, counters = state
            probabilities = tensors.pop(PROBABILITIES, None)
            self.best_probabilities = None if probabilities is None else probabilities.cpu()
            self.counters = Counters(**counters)
            self.optimizer.load_state(tensors)
            self.scaler.load_state_dict(self.counters.scaler)
            best = {name.removeprefix("best."): t.cpu() for name, t in tensors.items() if name.startswith("best.")}
            self.best_weights = best or None
        if batch:
            where = f"{batch['where']}, at a batch of {batch['rows']:,} rows of up to {batch['tokens']:,} tokens"
            remedy = f"if the system killed it for lack of memory, {memory.REMEDY}"
            print(f"train: an earlier run of {steps:,} steps ended {where} ({remedy})")
        if self.process_group.is_first and state:
            print(f"train: goes on after step {self.counters.step:,} of {steps:,}", flush=True)
