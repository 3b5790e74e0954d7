"""What the decision threshold is optimized for: evaluate.goal, parsed."""

import re
from typing import NamedTuple

PATTERN = r"f1|f2|(precision|recall) >= (0(\.\d+)?|1(\.0+)?)|cost \d+(\.\d+)?:\d+(\.\d+)?"


class Goal(NamedTuple):
    """f1 and f2 are maximized; precision and recall must reach a bound; cost is minimized."""

    name: str  # f1, f2, precision, recall, cost
    bound: float | None = None  # of precision or recall
    missed: float | None = None  # cost of a positive row that is predicted negative
    false_alarm: float | None = None  # cost of a negative row that is predicted positive


def parse(text: str) -> Goal:
    """Parse a goal. Raises: ValueError when it does not match PATTERN, which the schema of params.yaml checks.

    >>> parse("precision >= 0.9")
    Goal(name='precision', bound=0.9, missed=None, false_alarm=None)
    >>> parse("cost 5:1")
    Goal(name='cost', bound=None, missed=5.0, false_alarm=1.0)
    """
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text}: no goal; allowed: f1, f2, 'precision >= 0.9', 'recall >= 0.9', 'cost 5:1'")
    name, *rest = text.split()
    if name == "cost":
        missed, false_alarm = map(float, rest[0].split(":"))
        return Goal(name, missed=missed, false_alarm=false_alarm)
    return Goal(name, bound=float(rest[-1]) if rest else None)
