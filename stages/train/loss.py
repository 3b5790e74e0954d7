"""The training loss: cross-entropy with class weights, label smoothing and distillation."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from strata.labels import Labels


def class_weights(label: np.ndarray, labels: Labels, setting: str | dict[str, float]) -> torch.Tensor | None:
    """Return the weight of each label's rows in the loss: (labels,), or None when all weigh the same.

    label: of the training rows. setting: train.class_weights. balanced: rows / (labels * rows of the label), as in
    scikit-learn. The mean over all rows is 1, so that the weights change neither step size nor clipping.
    Raises: KeyError when a label has no weight, ValueError on an unknown setting.
    """
    if setting == "none":
        return None
    if setting == "balanced":
        counts = np.bincount(label, minlength=len(labels.names))
        return torch.tensor(len(label) / (len(counts) * counts), dtype=torch.float32)
    if isinstance(setting, str):
        raise ValueError(f"train.class_weights is {setting}; allowed: none, balanced, or one weight per label")
    weights = np.array([setting[name] for name in labels.names])
    return torch.tensor(weights / weights[label].mean(), dtype=torch.float32)


def summed_cross_entropy(
    logits: torch.Tensor, label: torch.Tensor, weights: torch.Tensor | None = None, smoothing: float = 0.0
) -> torch.Tensor:
    """Return the cross-entropy of a batch, summed over its rows. logits: (rows, labels) float32. label: (rows,) int.

    weights: (labels,). smoothing: share of each row's target that is spread evenly over all labels (Szegedy et al.,
    2016).
    """
    return cross_entropy(logits, label, weights, reduction="sum", label_smoothing=smoothing)


def summed_distillation(logits: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the KL divergence from the teacher's softened probabilities, summed over the rows of a batch.

    logits, teacher: (rows, labels) float32. Multiplied by the squared temperature, the gradient keeps its size (Hinton
    et al., 2015).
    """
    student_log, teacher_log = (log_softmax(values / temperature, dim=1) for values in (logits, teacher))
    return kl_div(student_log, teacher_log, reduction="sum", log_target=True) * temperature**2
