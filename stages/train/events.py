"""Events for TensorBoard during training. They contain times and speeds, so they are no output of DVC."""

from pathlib import Path

from strata.base.errors import StrataError
from strata.training.counters import Counters


class Events:
    """Writes new points of the curves, and the rows per second, into a folder. None: writes nothing.

    Raises: StrataError without the package tensorboard.
    """

    def __init__(self, folder: str | None):
        self.writer, self.last_step = None, 0
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise StrataError(
                f"watch.tensorboard is {folder}, but tensorboard is not installed: "
                "pip install -r requirements-tensorboard.txt"
            ) from None
        self.writer = SummaryWriter(Path(folder))

    def write(self, counters: Counters, rows_per_second: float) -> None:
        """Write every point of the curves since the last call."""
        if self.writer is None:
            return
        for kind, points in (("training", counters.training), ("validation", counters.validation)):
            for point in points:
                for name, value in point.items():
                    if point["step"] > self.last_step and name != "step" and value is not None:
                        self.writer.add_scalar(f"{kind}/{name}", value, point["step"])
        self.writer.add_scalar("rows_per_second", rows_per_second, counters.step)
        self.writer.flush()
        self.last_step = counters.step
