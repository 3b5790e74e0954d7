"""What the decision is optimized for: evaluate.goal, parsed."""

import re
from typing import NamedTuple

_ERROR = r"error <= 0\.\d*[1-9]\d*( at [5-9]\d(\.\d+)?%)?"
PATTERN = rf"f1|f2|(precision|recall) >= (0(\.\d+)?|1(\.0+)?)|cost \d+(\.\d+)?:\d+(\.\d+)?|{_ERROR}"
ERROR = "error"
CONFIDENCE = 0.95  # of a bounded error, where the goal names none


class Goal(NamedTuple):
    """f1 and f2 are maximized; precision and recall must reach a bound; cost is minimized; the error is bounded."""

    name: str  # f1, f2, precision, recall, cost, error
    bound: float | None = None  # of precision, recall or error
    missed: float | None = None  # cost of a positive row that is predicted negative
    false_alarm: float | None = None  # cost of a negative row that is predicted positive
    confidence: float | None = None  # that the error is within its bound

    @property
    def may_abstain(self) -> bool:
        """Whether predictions are withheld where the model is not sure, in place of a threshold between labels."""
        return self.name == ERROR


def parse(text: str) -> Goal:
    """Parse a goal. Raises: ValueError when it does not match PATTERN, which the schema of params.yaml checks.

    >>> parse("precision >= 0.9")
    Goal(name='precision', bound=0.9, missed=None, false_alarm=None, confidence=None)
    >>> parse("cost 5:1")
    Goal(name='cost', bound=None, missed=5.0, false_alarm=1.0, confidence=None)
    >>> parse("error <= 0.02 at 99%")
    Goal(name='error', bound=0.02, missed=None, false_alarm=None, confidence=0.99)
    """
    if not re.fullmatch(PATTERN, text):
        allowed = "f1, f2, 'precision >= 0.9', 'recall >= 0.9', 'cost 5:1', 'error <= 0.02', 'error <= 0.02 at 99%'"
        raise ValueError(f"{text}: no goal; allowed: {allowed}")
    name, *rest = text.split()
    if name == "cost":
        missed, false_alarm = map(float, rest[0].split(":"))
        return Goal(name, missed=missed, false_alarm=false_alarm)
    if name == ERROR:
        confidence = round(float(rest[3].rstrip("%")) / 100, 9) if len(rest) > 2 else CONFIDENCE
        return Goal(name, bound=float(rest[1]), confidence=confidence)
    return Goal(name, bound=float(rest[-1]) if rest else None)


def missed_error(goal: Goal, error: float | None, interval: dict[str, float] | None) -> str | None:
    """Return what to say if test rows miss a bounded error, else None. error: None where no row is answered."""
    if error is None:
        return f"for evaluate.goal error <= {goal.bound:g}, int8 is sure of no test row, so that its error is unknown"
    if error <= goal.bound:
        return None
    chance = ", which chance can explain" if interval["low"] <= goal.bound else ""
    return (
        f"evaluate.goal error <= {goal.bound:g} is missed on test rows by {100 * (error - goal.bound):.1f} points: of "
        f"the labels that int8 gives, {error:.3f} ({interval['low']:.3f} to {interval['high']:.3f}) are wrong{chance}"
    )
