"""How pictures are drawn: as SVG text that repeats byte for byte, without a date, with ids from the content.

Every colour is one of COLOURS, so that a page can put its own in their place.
"""

import io
import re
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stages.report.render import visible

INK, MUTED, GRID, PAPER = "#1f2328", "#59636e", "#d1d9e0", "#ffffff"
SERIES = "#0a58b0", "#b84a00", "#1a7f37", "#8250df", "#7d6200"
COLOURS = {"ink": INK, "muted": MUTED, "grid": GRID, "paper": PAPER}
COLOURS |= dict(zip(("first", "second", "third", "fourth", "fifth"), SERIES, strict=True))
DASHES = "-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1))  # told apart without colour
MARKERS = "os^Dv"
STYLE = {
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), PAPER),
    **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), MUTED),
    **dict.fromkeys(("axes.labelcolor", "text.color", "xtick.labelcolor", "ytick.labelcolor"), INK),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    **{"axes.grid": True, "axes.axisbelow": True, "grid.color": GRID, "grid.linewidth": 0.8, "lines.markersize": 5},
    **{"font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 10},
    **{"svg.fonttype": "none", "svg.hashsalt": "strata"},  # the reader's own letters, whatever the alphabet
    "text.parse_math": False,  # a label may hold a dollar sign
}
NAME = 22  # characters of a label's name
FEW = 6  # labels of a confusion matrix in which shares are written


class Line(NamedTuple):
    """place: of its look, in SERIES, DASHES and MARKERS."""

    title: str
    x: pd.Series
    y: pd.Series
    place: int


def svg(name: str, draw: Callable[..., Figure], *values, **options) -> str:
    """Draw with our style, whatever the user's matplotlibrc says. Ids begin with the name: a page holds several."""
    stream = io.StringIO()
    with style.context([STYLE], after_reset=True):
        figure = draw(*values, **options)
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    unwanted = r"<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*|<!--.*?-->\s*|<metadata>.*?</metadata>\s*"
    text = re.sub(unwanted, "", stream.getvalue(), flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


def short(name: str) -> str:
    return visible(name) if len(visible(name)) <= NAME else f"{visible(name)[: NAME - 1]}…"


def _axes(height: float = 4.1, width: float = 4.8):
    """One pair of axes on a figure of so many inches."""
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def _finished(axes, mark: tuple) -> Figure:
    """The figure, with a vertical line and its title, and with the legend below."""
    if mark:
        axes.axvline(mark[0], color=INK, linewidth=1, linestyle=":", label=mark[1])
    if axes.get_legend_handles_labels()[0]:
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return axes.figure


def lines(
    drawn: list[Line], x: str, y: str, diagonal: str = "", markers: bool = False, mark: tuple = (), shares: bool = True
) -> Figure:
    """Draw lines. x, y, diagonal: titles. mark: where a vertical line is, and its title. shares: axes from 0 to 1."""
    axes = _axes() if shares else _axes(3.4)
    axes.set(xlabel=x, ylabel=y, **(dict.fromkeys(("xlim", "ylim"), (-0.01, 1.01)) if shares else {}))
    if diagonal:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":", label=diagonal)
    for line in drawn:
        look = {"color": SERIES[line.place], "linestyle": DASHES[line.place], "label": short(line.title)}
        axes.plot(line.x, line.y, marker=MARKERS[line.place] if markers else None, **look)
    return _finished(axes, mark)


def intervals(rows: list[tuple[str, dict, int]], x: str, mark: tuple = ()) -> Figure:
    """Draw figures with their intervals below each other. rows: title; value, low and high; place of the look."""
    axes = _axes(1.2 + 0.36 * len(rows))
    for row, (_, score, i) in enumerate(rows):
        ends = [[max(0, score["value"] - score["low"])], [max(0, score["high"] - score["value"])]]
        axes.errorbar([score["value"]], [row], xerr=ends, color=SERIES[i], marker=MARKERS[i], capsize=3)
    axes.set_yticks(range(len(rows)), [visible(title) for title, _, _ in rows])
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=x)
    return _finished(axes, mark)


def confusion(table: pd.DataFrame, labels: list[str]) -> Figure:
    """Shares of each label's rows, as shades, with the counts; with few labels both are written."""
    n, few = len(labels), len(labels) <= FEW
    axes = _axes(3.6) if few else _axes(1.6 + 0.34 * n, 2.0 + 0.34 * n)
    size = 10 if few else 7
    for line in table.itertuples(index=False):
        x, y = labels.index(line.predicted), labels.index(line.actual)
        look = {"facecolor": SERIES[0], "alpha": line.share, "edgecolor": GRID, "linewidth": 0.5}
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, **look))
        if line.rows or few:
            text = f"{line.share:.0%}\n{line.rows:,.0f}" if few else f"{line.rows:.0f}"
            axes.text(x, y, text, ha="center", va="center", color=PAPER if line.share >= 0.5 else INK, fontsize=size)
    names = [short(name) for name in labels]
    turned = 90 if n > 3 or max(map(len, names)) > 14 else 0
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xlabel="given label", ylabel="right label")
    axes.set_xticks(range(n), names, rotation=turned, fontsize=size + 1)
    axes.set_yticks(range(n), names, fontsize=size + 1)
    axes.tick_params(length=0)
    axes.grid(False)
    return axes.figure
