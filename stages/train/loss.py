"""What training minimises: cross-entropy, with class weights, label smoothing and a teacher's probabilities."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from strata.labels import Labels


def class_weights(label: np.ndarray, labels: Labels, wanted: str | dict[str, float]) -> torch.Tensor | None:
    """Return the weight of each label's rows in the loss, (labels,), or None where all weigh the same.

    label: of the training rows. balanced: rows / (labels * rows of the label), as scikit-learn has it. The weights of
    all rows have the mean 1, so that only their ratios count, and neither step size nor clipping changes with them.
    """
    if wanted == "none":
        return None
    if wanted == "balanced":
        counts = np.bincount(label, minlength=len(labels.names))
        return torch.tensor(len(label) / (len(counts) * counts), dtype=torch.float32)
    weights = np.array([wanted[name] for name in labels.names])
    return torch.tensor(weights / weights[label].mean(), dtype=torch.float32)


def total(
    logits: torch.Tensor, label: torch.Tensor, weights: torch.Tensor | None = None, smoothing: float = 0.0
) -> torch.Tensor:
    """Return the loss of a batch, summed over its rows. logits: (rows, labels) float32. label: (rows,) int.

    weights: (labels,). smoothing: share of each row's truth that is spread evenly over all labels (Szegedy et al.,
    2016).
    """
    return cross_entropy(logits, label, weights, reduction="sum", label_smoothing=smoothing)


def distilled(logits: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return how far a batch is from its teacher's softened probabilities, summed over its rows.

    logits, teacher: (rows, labels) float32. The squared temperature keeps the gradient's size (Hinton et al., 2015).
    """
    softened, wanted = (log_softmax(each / temperature, dim=1) for each in (logits, teacher))
    return kl_div(softened, wanted, reduction="sum", log_target=True) * temperature**2
