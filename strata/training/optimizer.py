"""AdamW on fp32 weights, also where the model computes with bf16 copies of them."""

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from strata.training.bf16 import copy_linear_weights

NO_DECAY = ("bias", "norm")  # parts of the names of parameters that have no weight decay
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # AdamW's state of one weight


class Optimizer:
    """AdamW on the fp32 weights of a model.

    has_bf16_copies: the model's linear layers get bf16 copies of their weights, so that no weight is converted for
    every batch. The fp32 originals are kept here and receive the updates.
    """

    def __init__(self, model: nn.Module, weight_decay: float, max_grad_norm: float, has_bf16_copies: bool):
        self.max_grad_norm = max_grad_norm
        copies = copy_linear_weights(model) if has_bf16_copies else {}
        self.copies = list(copies.values())  # (bf16 in the model, fp32 here)
        self.weights = dict(model.named_parameters()) | {name: original for name, (_, original) in copies.items()}
        trained = {name: weight for name, weight in self.weights.items() if weight.requires_grad}
        self.trained = list(trained.values())
        self.adamw = torch.optim.AdamW(_groups(trained, weight_decay), lr=0.0, fused=True)

    def step(self, lr: float, scaler: torch.amp.GradScaler) -> None:
        """Clip the gradients to max_grad_norm, update the weights, and clear the gradients."""
        for copy, original in self.copies:
            if copy.grad is not None:
                original.grad, copy.grad = copy.grad.float(), None
        scaler.unscale_(self.adamw)
        clip_grad_norm_(self.trained, self.max_grad_norm)
        for parameters in self.adamw.param_groups:
            parameters["lr"] = lr
        scaler.step(self.adamw)
        scaler.update()
        self.adamw.zero_grad()
        self.refresh_copies()

    def refresh_copies(self) -> None:
        """Give the bf16 copies the values of the fp32 weights."""
        with torch.no_grad():
            for copy, original in self.copies:
                copy.copy_(original)

    def state(self) -> dict[str, torch.Tensor]:
        """Return everything that a resumed run needs: weights and moments, by name."""
        tensors = {f"weight.{name}": weight.detach() for name, weight in self.weights.items()}
        for i, weight in enumerate(self.trained):
            for moment, tensor in self.adamw.state.get(weight, {}).items():  # none before the first update
                tensors[f"{moment}.{i}"] = tensor
        return tensors

    def load_state(self, tensors: dict[str, torch.Tensor]) -> None:
        """Restore what `state` returned."""
        self.load_weights(
            {name.removeprefix("weight."): t for name, t in tensors.items() if name.startswith("weight.")}
        )
        for i, weight in enumerate(self.trained):
            if f"step.{i}" in tensors:
                self.adamw.state[weight] = {
                    moment: tensors[f"{moment}.{i}"].to(weight.device, copy=True) for moment in MOMENTS
                }

    def load_weights(self, tensors: dict[str, torch.Tensor]) -> None:
        """Set all weights, and their bf16 copies."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[name])
        self.refresh_copies()

    def restore_precision(self) -> None:
        """Put the fp32 weights back into the model."""
        for copy, original in self.copies:
            copy.data = original.data


def _groups(weights: dict[str, torch.Tensor], weight_decay: float) -> list[dict]:
    """Return AdamW's parameter groups: the weights with weight decay, and those without."""
    groups: dict[float, list[torch.Tensor]] = {}
    for name, weight in weights.items():
        groups.setdefault(0.0 if any(part in name.lower() for part in NO_DECAY) else weight_decay, []).append(weight)
    return [{"params": group, "weight_decay": decay} for decay, group in groups.items()]
