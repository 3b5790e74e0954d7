"""How templates write figures: as Markdown that needs no escaping, with - where there is none."""

import math
from functools import partial

from markupsafe import Markup

from strata.settings.overrides import written

NUMBER, SHARE, COUNT = "z.3f", "z.1%", ",.0f"


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
    ends = figure(low, form), figure(high, form)
    return Markup("") if "-" in ends else Markup(" to ").join(ends)


def beside(value: float | None, low: float | None, high: float | None, form: str = SHARE) -> Markup:
    """A figure with its interval, in italics, which the page shows in small print."""
    ends = interval(low, high, form)
    return Markup(f"{figure(value, form)} *{ends}*") if ends else figure(value, form)


def score(scores: dict, name: str) -> Markup:
    """A metric with its 95% interval. scores: as strata/scoring.py names them, and `interval`."""
    return beside(scores[name], **(scores["interval"][name] or {"low": None, "high": None}), form=NUMBER)


def listed(names: list[str], most: int = 8) -> str:
    """
    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=2)
    ('a, b and c', 'a, b and 1 more')
    """
    *first, last = names if len(names) <= most else [*names[:most], f"{len(names) - most} more"]
    return f"{', '.join(map(str, first))} and {last}" if first else str(last)


def sentence(text: str) -> str:
    """
    >>> sentence("it fell"), sentence("Done.")
    ('It fell.', 'Done.')
    """
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")


FILTERS = {"sentence": sentence, "number": partial(figure, form=NUMBER), "share": partial(figure, form=SHARE)}
FILTERS |= {"count": partial(figure, form=COUNT), "points": points, "interval": interval}
FILTERS |= {"beside": beside, "score": score, "listed": listed, "written": written}
