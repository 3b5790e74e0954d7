"""How pictures are drawn: as SVG text that repeats byte for byte, without a date, with ids from the content."""

import io
import re
from collections.abc import Callable

import pandas as pd
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stages.report.render import visible

INK, MUTED, GRID, PAPER = "#1f2328", "#59636e", "#d1d9e0", "#ffffff"
SERIES = "#0a58b0", "#b84a00", "#1a7f37", "#8250df", "#7d6200", MUTED
COLOURS = dict(zip(("first", "second", "third", "fourth", "fifth", "muted"), SERIES, strict=True))
COLOURS |= {"ink": INK, "grid": GRID, "paper": PAPER}  # all that are used: a page puts in its own
DASHES = "-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)), ":"  # for want of colour
MARKERS = "os^Dvx"
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
NAME = 24  # characters of a label's name
FEW = 6  # labels of a confusion matrix in which shares are written


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


def lines(drawn: list[tuple], titles: tuple, mark: tuple = (), markers: bool = False, shares: bool = True) -> Figure:
    """Draw lines: title, x, y, and the place of the look in SERIES and DASHES of each.

    titles: of x, of y, and of the diagonal if there is one. mark: where a vertical line is, and its title. shares: axes
    from 0 to 1.
    """
    axes = _axes() if shares else _axes(3.4)
    axes.set(xlabel=titles[0], ylabel=titles[1], **dict.fromkeys(("xlim", "ylim") if shares else (), (-0.01, 1.01)))
    for diagonal in titles[2:]:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":", label=diagonal)
    for title, x, y, i in drawn:
        marker = MARKERS[i] if markers else None
        axes.plot(x, y, color=SERIES[i], linestyle=DASHES[i], marker=marker, label=short(title))
    return _finished(axes, mark)


def intervals(table: pd.DataFrame, x: str, mark: tuple = ()) -> Figure:
    """Draw accuracies and their intervals below each other. table: title, accuracy, low, high, place of the look."""
    axes = _axes(1.2 + 0.36 * len(table))
    for row, line in enumerate(table.itertuples()):
        ends = [[max(0, line.accuracy - line.low)], [max(0, line.high - line.accuracy)]]
        look = {"color": SERIES[line.place], "marker": MARKERS[line.place]}
        axes.errorbar([line.accuracy], [row], xerr=ends, capsize=3, **look)
    axes.set_yticks(range(len(table)), [visible(title) for title in table["title"]])
    axes.set(ylim=(len(table) - 0.5, -0.5), xlabel=x)
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
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xlabel="given label", ylabel="right label")
    axes.set_xticks(range(n), names, rotation=90 if n > 3 or max(map(len, names)) > 14 else 0, fontsize=size + 1)
    axes.set_yticks(range(n), names, fontsize=size + 1)
    axes.tick_params(length=0, grid_alpha=0)
    return axes.figure
