"""How templates write figures: as Markdown that needs no escaping, with - where there is none."""

import math
from functools import partial

from markupsafe import Markup

NUMBER, SHARE = "z.3f", "z.1%"


def figure(value: float | None, form: str) -> Markup:
    """
    >>> str(figure(-0.0001, NUMBER)), str(figure(0.84701, SHARE)), str(figure(None, SHARE))
    ('0.000', '84.7%', '-')
    """
    return Markup("-") if value is None or math.isnan(value) else Markup(format(value, form))


def points(difference: float | None, sign: str = "+") -> Markup:
    """A difference of shares in hundredths."""
    return figure(None if difference is None else 100 * difference, f"{sign}z.1f")


def interval(low: float | None, high: float | None, form: str = SHARE) -> Markup:
    """
    >>> str(interval(0.829, 0.863)), str(interval(None, None))
    ('82.9% to 86.3%', '')
    """
    ends = figure(low, form), figure(high, form)
    return Markup("") if "-" in ends else Markup(" to ").join(ends)


def beside(value: float | None, low: float | None, high: float | None, form: str = SHARE) -> Markup:
    """A figure with its interval, in italics, which the page shows in small print."""
    ends = interval(low, high, form)
    return Markup(f"{figure(value, form)} *{ends}*") if ends else figure(value, form)


def score(scores: dict, name: str) -> Markup:
    """A metric with its 95% interval. scores: as stages/shared/scores.py names them, and `interval`."""
    ends = scores["interval"][name] or {"low": None, "high": None}
    return beside(scores[name], **ends, form=NUMBER)


def listed(names: list[str], most: int = 8) -> str:
    """
    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=2)
    ('a, b and c', 'a, b and 1 more')
    """
    *first, last = names if len(names) <= most else [*names[:most], f"{len(names) - most} more"]
    return f"{', '.join(first)} and {last}" if first else last


def cut(text: str, most: int = 280) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


FILTERS = {function.__name__: function for function in (points, interval, beside, score, listed, cut)}
FILTERS |= {name: partial(figure, form=form) for name, form in (("number", NUMBER), ("share", SHARE), ("count", ",.0f"))}
