"""AdamW on the weights of a model, which are in fp32 whatever the matrix products are computed in."""

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

NO_DECAY = ("bias", "norm")  # parts of the names of parameters that have no weight decay
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # AdamW's state of one weight


class Optimizer:
    """AdamW on the weights of a model, after its gradients were clipped."""

    def __init__(self, model: nn.Module, weight_decay: float, max_grad_norm: float):
        self.max_grad_norm = max_grad_norm
        self.weights = dict(model.named_parameters())
        trained = {name: weight for name, weight in self.weights.items() if weight.requires_grad}
        self.trained = list(trained.values())
        self.adamw = torch.optim.AdamW(_groups(trained, weight_decay), lr=0.0, fused=True)

    def step(self, lr: float, scaler: torch.amp.GradScaler) -> None:
        """Clip the gradients to max_grad_norm, update the weights, and clear the gradients."""
        scaler.unscale_(self.adamw)
        clip_grad_norm_(self.trained, self.max_grad_norm)
        for parameters in self.adamw.param_groups:
            parameters["lr"] = lr
        scaler.step(self.adamw)
        scaler.update()
        self.adamw.zero_grad()

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
        """Set all weights."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[name])


def _groups(weights: dict[str, torch.Tensor], weight_decay: float) -> list[dict]:
    """Return AdamW's parameter groups: the weights with weight decay, and those without."""
    groups: dict[float, list[torch.Tensor]] = {}
    for name, weight in weights.items():
        groups.setdefault(0.0 if any(part in name.lower() for part in NO_DECAY) else weight_decay, []).append(weight)
    return [{"params": group, "weight_decay": decay} for decay, group in groups.items()]
