"""Events for TensorBoard while training goes on: outside DVC's outputs, since they carry times and speeds."""

from pathlib import Path
from typing import TYPE_CHECKING

from strata.base.errors import StrataError

if TYPE_CHECKING:
    from stages.train.training import Counters


class Events:
    """Writes the curves' new points, and rows a second, into a folder; None writes nothing.

    Raises: StrataError without the package tensorboard.
    """

    def __init__(self, folder: str | None):
        self.writer, self.written = None, 0
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

    def write(self, counters: "Counters", rows_per_second: float) -> None:
        """Write every point of the curves since the last call."""
        if self.writer is None:
            return
        for kind, points in (("training", counters.training), ("validation", counters.validation)):
            for point in points:
                for name, value in point.items():
                    if point["step"] > self.written and name != "step" and value is not None:
                        self.writer.add_scalar(f"{kind}/{name}", value, point["step"])
        self.writer.add_scalar("rows_per_second", rows_per_second, counters.step)
        self.writer.flush()
        self.written = counters.step
