"""What a report is made of, before it is HTML or Markdown, and how its figures are written. All text is plain."""

import math
from dataclasses import dataclass, field

NOTHING = "-"  # where there is no figure


@dataclass(frozen=True)
class Text:
    """A paragraph. style: lead (the answer), note (small print) or empty."""

    words: str
    style: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class Code:
    """Lines to copy."""

    lines: str
    kind: str = "code"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what it says, and in small print the rest, such as an interval."""

    words: str
    small: str = ""


@dataclass(frozen=True)
class Table:
    """columns: names; numeric: those of them whose cells are figures; rows: a cell for each column."""

    caption: str
    columns: list[str]
    rows: list[list[Cell]]
    numeric: frozenset[str] = field(default=frozenset())
    wide: bool = False  # its cells hold sentences
    kind: str = "table"


@dataclass(frozen=True)
class Picture:
    """name: of its SVG file; says: what a reader who cannot see it is told; wide: it needs the whole width."""

    name: str
    caption: str
    says: str
    svg: str
    wide: bool = False
    kind: str = "picture"


@dataclass(frozen=True)
class Section:
    """A heading and what is below it."""

    name: str
    title: str
    blocks: list[Text | Code | Table | Picture]


def number(value: float | None) -> str:
    """Three decimals.

    >>> number(0.84701), number(-0.0001), number(None)
    ('0.847', '0.000', '-')
    """
    if value is None or math.isnan(value):
        return NOTHING
    return f"{round(value, 3) + 0:.3f}"  # -0.0 becomes 0.0


def share(value: float | None) -> str:
    """
    >>> share(0.84701), share(None)
    ('84.7%', '-')
    """
    return NOTHING if value is None or math.isnan(value) else f"{round(100 * value, 1) + 0:.1f}%"


def points(value: float | None) -> str:
    """A difference of shares in hundredths, with its sign.

    >>> points(0.065), points(-0.0001)
    ('+6.5', '0.0')
    """
    if value is None or math.isnan(value):
        return NOTHING
    rounded = round(100 * value, 1) + 0
    return f"{rounded:+.1f}" if rounded else "0.0"


def count(value: float | None) -> str:
    """
    >>> count(33530)
    '33,530'
    """
    return NOTHING if value is None or math.isnan(value) else f"{int(value):,}"


def between(low: float | None, high: float | None, written=number) -> str:
    """The ends of an interval: "0.829 to 0.863"; empty where there is none."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    return f"{written(low)} to {written(high)}"


def score(scored: dict | None, name: str, written=number) -> Cell:
    """A score of strata/scoring.py with its interval below it."""
    if not scored or scored.get(name) is None:
        return Cell(NOTHING)
    ends = (scored.get("interval") or {}).get(name) or {}
    return Cell(written(scored[name]), between(ends.get("low"), ends.get("high"), written))


def row(*cells: str | Cell) -> list[Cell]:
    return [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells]


def listed(names: list[str], most: int = 8) -> str:
    """
    >>> listed(["a", "b", "c"]), listed(["a", "b", "c"], most=2)
    ('a, b and c', 'a, b and 1 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
