"""What a run counts while it trains."""

from dataclasses import dataclass, field


@dataclass
class Counters:
    """The step, the curves and the best evaluation so far. Saved with a run's state."""

    step: int = 0
    training: list[dict] = field(default_factory=list)  # points of the loss curve
    validation: list[dict] = field(default_factory=list)  # scores of each evaluation
    tokens: int = 0  # that the model was trained on, padding included
    loss: float = 0.0  # sum over the steps since the last point
    best_step: int = 0
    scaler: dict = field(default_factory=dict)  # state of the fp16 gradient scaler

    @property
    def best(self) -> dict | None:
        """The scores of the best evaluation; None before the first one."""
        return next((entry for entry in self.validation if entry["step"] == self.best_step), None)

    def is_exhausted(self, patience: int | None) -> bool:
        """Whether at least `patience` evaluations followed the best one. None: never."""
        return patience is not None and sum(entry["step"] > self.best_step for entry in self.validation) >= patience

    def add_loss_point(self, point_every: int, lr: float) -> None:
        """Add the mean loss since the last point to the curve."""
        point = self.loss / point_every
        self.training.append({"step": self.step, "loss": point, "learning_rate": lr})
        self.loss = 0.0
