"""What the decision threshold is chosen for, in the words of evaluate.goal."""

import re
from typing import NamedTuple

PATTERN = r"f1|f2|(precision|recall) >= (0(\.\d+)?|1(\.0+)?)|cost \d+(\.\d+)?:\d+(\.\d+)?"


class Goal(NamedTuple):
    """f1 and f2 are made as high as can be; precision and recall reach a bound; cost is made as low as can be."""

    name: str  # f1, f2, precision, recall, cost
    bound: float | None = None  # of precision or recall
    missed: float | None = None  # cost of a positive row that is missed
    false_alarm: float | None = None  # cost of a negative row that is called positive


def parse(words: str) -> Goal:
    """Read a goal that PATTERN matches.

    >>> parse("precision >= 0.9")
    Goal(name='precision', bound=0.9, missed=None, false_alarm=None)
    >>> parse("cost 5:1")
    Goal(name='cost', bound=None, missed=5.0, false_alarm=1.0)
    """
    name = words.split(maxsplit=1)[0]
    numbers = [float(number) for number in re.findall(r"(?<![f\d.])\d+(?:\.\d+)?", words)]
    if name == "cost":
        return Goal(name, missed=numbers[0], false_alarm=numbers[1])
    return Goal(name, bound=numbers[0] if numbers else None)
