"""An exponential moving average of the trained weights, which scores and ships in their place (train.ema_decay)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from stages.train.optimizer import Optimizer

PREFIX = "average."  # of the names in the saved state


class WeightAverage:
    """The average of an optimizer's trained weights over its steps: average = d * average + (1 - d) * weight.

    d is min(decay, (1 + step) / (10 + step)), as in TensorFlow's ExponentialMovingAverage with num_updates: after a few
    steps, almost nothing is left of the weights before the first one.
    """

    def __init__(self, optimizer: Optimizer, decay: float):
        self.optimizer, self.decay = optimizer, decay
        self.averages = [weight.detach().clone() for weight in optimizer.trained]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for average, weight in zip(self.averages, self.optimizer.trained, strict=True):
            average.lerp_(weight, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the averages in the place of the weights inside the block."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for average, weight in zip(self.averages, self.optimizer.trained, strict=True):
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)
        self.optimizer.refresh_copies()

    def state(self) -> dict[str, torch.Tensor]:
        """Return the averages by name, for a resumed run."""
        return {f"{PREFIX}{i}": average for i, average in enumerate(self.averages)}

    def load_state(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Restore what `state` returned."""
        for i, average in enumerate(self.averages):
            average.copy_(tensors[f"{PREFIX}{i}"])
