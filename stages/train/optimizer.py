"""AdamW on fp32 weights, and the learning rate of each step."""

import math

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

NO_DECAY = ("bias", "norm")  # in a parameter's name: one that is no matrix


def rate(schedule: str, step: int, steps: int, warmup: int) -> float:
    """Return the share of the peak learning rate at a step, from 0: it rises over `warmup` steps, then follows."""
    if step < warmup:
        return step / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return {"linear": 1 - progress, "cosine": (1 + math.cos(math.pi * progress)) / 2}.get(schedule, 1.0)


class Optimizer:
    """AdamW on the fp32 weights of a model.

    Where a CPU computes in bf16, the model's linear layers hold bf16 copies of their weights, so that none is converted
    again in each batch; the fp32 originals are here, and take every update.
    """

    def __init__(self, model: nn.Module, weight_decay: float, max_grad_norm: float, is_half_on_cpu: bool):
        self.max_grad_norm = max_grad_norm
        self.weights = dict(model.named_parameters())  # fp32, by name
        self.copies: list[tuple[nn.Parameter, torch.Tensor]] = []  # bf16 in the model, and fp32 here
        if is_half_on_cpu:
            embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
            linear = {id(p) for m in model.modules() if isinstance(m, nn.Linear) for p in m.parameters(recurse=False)}
            for name, parameter in list(self.weights.items()):
                if id(parameter) in linear - embeddings:
                    original = parameter.detach().clone().requires_grad_(parameter.requires_grad)
                    parameter.data = parameter.data.to(torch.bfloat16)
                    self.weights[name] = original
                    self.copies.append((parameter, original))
        trained = {name: weight for name, weight in self.weights.items() if weight.requires_grad}
        self.trained = list(trained.values())
        decays = [not any(part in name.lower() for part in NO_DECAY) for name in trained]
        groups = [
            {"params": [w for w, d in zip(self.trained, decays, strict=True) if d is chosen], "weight_decay": decay}
            for chosen, decay in ((True, weight_decay), (False, 0.0))
        ]
        self.adamw = torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, fused=True)

    def gather_gradients(self, fill: bool) -> list[torch.Tensor]:
        """Return the fp32 gradient of every trained weight. fill: with zeros where a weight has none."""
        for copy, original in self.copies:
            if copy.grad is not None:
                original.grad, copy.grad = copy.grad.float(), None
        for weight in self.trained if fill else []:
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        return [weight.grad for weight in self.trained if weight.grad is not None]

    def step(self, lr: float, scaler: torch.amp.GradScaler) -> None:
        """Clip the gathered gradients to max_grad_norm, update the weights, and forget the gradients."""
        clip_grad_norm_(self.trained, self.max_grad_norm)
        for group in self.adamw.param_groups:
            group["lr"] = lr
        scaler.step(self.adamw)
        scaler.update()
        self.adamw.zero_grad()
        self._refresh_copies()

    def _refresh_copies(self) -> None:
        with torch.no_grad():
            for copy, original in self.copies:
                copy.copy_(original)

    def state(self) -> dict[str, torch.Tensor]:
        """Everything that a resumed run needs: weights and moments, by name."""
        tensors = {f"weight.{name}": weight.detach() for name, weight in self.weights.items()}
        for i, weight in enumerate(self.trained):
            for moment, tensor in self.adamw.state.get(weight, {}).items():
                tensors[f"{moment}.{i}"] = tensor
        return tensors

    def load_state(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take over what `state` returned."""
        self.load_weights(
            {name.removeprefix("weight."): t for name, t in tensors.items() if name.startswith("weight.")}
        )
        for i, weight in enumerate(self.trained):
            found = {moment: tensors.get(f"{moment}.{i}") for moment in ("step", "exp_avg", "exp_avg_sq")}
            if found["step"] is not None:
                self.adamw.state[weight] = {
                    moment: tensor.to(weight.device, copy=True) for moment, tensor in found.items()
                }

    def load_weights(self, tensors: dict[str, torch.Tensor]) -> None:
        """Set all weights, and their bf16 copies."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[name])
        self._refresh_copies()

    def restore_precision(self) -> None:
        """Put the fp32 weights back into the model."""
        for copy, original in self.copies:
            copy.data = original.data
