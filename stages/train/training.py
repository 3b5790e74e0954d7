"""Fine-tuning: a classifier learns the labels of the training rows."""

import numpy as np
import torch
from transformers import PreTrainedModel

from stages.train import loss
from strata.labels import Labels
from strata.model.batches import padded
from strata.model.documents import means, windows_of
from strata.model.tokens import TokenizedRows
from strata.settings.params import Train
from strata.training.process_group import ProcessGroup
from strata.training.run import Advice, Run

PROBABILITIES = "probabilities"  # of the validation rows, beside the best weights
ADVICE = Advice(
    "lower train.batch_size and raise train.gradient_accumulation by the same factor, or lower tokenize.max_length",
    "lower train.lr, or set train.precision to fp32",
)


class Training:
    """One fine-tuning run: its `Run`, its rows and its loss.

    model: trained in place. splits: train and validation. precision: as in `Run`.
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
        self.splits, self.labels, self.settings = splits, labels, settings
        self.run = Run(
            model,
            splits["train"].input_ids,
            self.loss,
            precision,
            process_group,
            ADVICE,
            weight_decay=settings.weight_decay,
            max_grad_norm=settings.max_grad_norm,
            is_compiled=settings.compile,
        )
        self.pad_id = model.config.pad_token_id or 0  # without one, any id will do, since it is masked
        class_weights = loss.class_weights(splits["train"].label, labels, settings.class_weights)
        self.class_weights = None if class_weights is None else class_weights.to(self.run.device)
        self.teacher: torch.Tensor | None = None  # log of the teachers' mean probabilities: (rows, labels)

    def logits(self, model: torch.nn.Module, ids: np.ndarray, mask: np.ndarray) -> torch.Tensor:
        """Return a model's logits, (rows, labels) float32. ids, mask: (rows, longest) int64."""
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        return self.run.outputs(model, **inputs).logits.float()

    def loss(self, run: Run, rows: np.ndarray, rows_in_step: int) -> torch.Tensor:
        """Return a batch's share of the step's loss. rows: positions, (rows,) int."""
        train, settings = self.splits["train"], self.settings
        windows, counts = windows_of([train.input_ids[i] for i in rows])
        logits = self.logits(run.network, *padded(windows, self.pad_id))
        if len(windows) > len(rows):
            logits = torch.stack(means(logits, counts))
        label = torch.from_numpy(train.label[rows]).to(run.device)
        total = loss.summed_cross_entropy(logits, label, self.class_weights, settings.label_smoothing)
        if self.teacher is not None:
            teacher = self.teacher[rows].float().to(run.device)
            distillation = loss.summed_distillation(logits, teacher, settings.teacher_temperature)
            total = torch.lerp(total, distillation, settings.teacher_weight)
        return total / rows_in_step

    @property
    def best_probabilities(self) -> np.ndarray:
        """The best weights' probabilities of the validation rows: (rows, labels) float64."""
        return self.run.best[PROBABILITIES].numpy()
