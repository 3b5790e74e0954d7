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
COLOURS |= {"ink": INK, "grid": GRID, "paper": PAPER}  # all that are used; a page replaces them by its own
DASHES = "-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)), ":"
"""A line's dashes, for readers who cannot tell colours apart."""
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
FEW_TICKS = 4  # values of a key that all stand on its axis
FEW = 6  # labels of a confusion matrix in which shares are written
TRIALS = {"other": (MUTED, "x", 0.5), "not told from the best": (SERIES[0], "o", 1), "the best": (SERIES[1], "D", 1)}
"""Colour, marker and opacity of a search's trials, by how good they are."""


def svg(name: str, draw: Callable[..., Figure], *values, **options) -> str:
    """Draw with our style, not the user's matplotlibrc. Ids begin with the name: a page holds several."""
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
    """One pair of axes on a figure of this height and width in inches."""
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def _finished(axes, mark: tuple) -> Figure:
    """The figure, with a vertical line and its title, and with the legend below."""
    if mark:
        axes.axvline(mark[0], color=INK, linewidth=1, linestyle=":", label=mark[1])
    if axes.get_legend_handles_labels()[0]:
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return axes.figure


def lines(drawn: list[tuple], titles: tuple, mark: tuple = (), level: tuple = (), shares: bool = True) -> Figure:
    """Draw lines: title, x, y, and the places of colour and dashes in SERIES and DASHES of each.

    titles: of x, of y, and of the diagonal if there is one. mark, level: where a vertical and a horizontal line are and
    their titles. shares: axes from 0 to 1.
    """
    axes = _axes() if shares else _axes(3.4)
    axes.set(xlabel=titles[0], ylabel=titles[1], **dict.fromkeys(("xlim", "ylim") if shares else (), (-0.01, 1.01)))
    for diagonal in titles[2:]:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":", label=diagonal)
    if level:
        axes.axhline(level[0], color=MUTED, linewidth=1, linestyle=":", label=level[1])
    for title, x, y, colour, dashes in drawn:
        axes.plot(x, y, color=SERIES[colour], linestyle=DASHES[dashes], label=title)
    return _finished(axes, mark)


def reliability(drawn: list[tuple], titles: tuple, stated: pd.DataFrame) -> Figure:
    """Draw reliability curves over a histogram of what fp32 states. drawn, titles: as in `lines`. stated: its bins."""
    figure = Figure(figsize=(4.8, 5.2), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(4, 1))
    above.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":", label=titles[2])
    for title, x, y, colour, dashes in drawn:
        look = {"color": SERIES[colour], "linestyle": DASHES[dashes], "marker": MARKERS[colour]}
        above.plot(x, y, label=title, **look)
    if len(stated):
        below.bar(stated["low"], stated["stated"], stated["high"] - stated["low"], align="edge", color=SERIES[0])
    above.set(ylabel=titles[1], xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    below.set(xlabel=titles[0], ylabel="test texts")
    return _finished(above, ())


def confidence(table: pd.DataFrame) -> Figure:
    """Draw how sure the model is of the label it gives, right and wrong on top of each other. table: its bins."""
    axes = _axes(3.4)
    shown, width = table[(table["right"] + table["wrong"]).cumsum() > 0], table["high"] - table["low"]
    look = {"width": width[shown.index], "align": "edge", "edgecolor": PAPER, "linewidth": 0.5}
    axes.bar(shown["low"], shown["right"], color=SERIES[0], label="right", **look)
    axes.bar(shown["low"], shown["wrong"], bottom=shown["right"], color=MUTED, label="wrong", **look)
    axes.set(xlabel="probability of the given label", ylabel="test texts")
    return _finished(axes, ())


def bars(table: pd.DataFrame, labels: list[str], titles: dict[str, str]) -> Figure:
    """Draw scores and intervals of each label. table: label, metric, value, low, high. titles: of metrics, in order."""
    axes = _axes(1.2 + (0.16 + 0.2 * len(titles)) * len(labels))
    for i, (metric, title) in enumerate(titles.items()):
        of_metric = table[table["metric"] == metric].set_index("label").loc[labels]
        places = [row + (i - (len(titles) - 1) / 2) * 0.26 for row in range(len(labels))]
        value = of_metric["value"].fillna(0)
        ends = [(value - of_metric["low"]).clip(lower=0), (of_metric["high"] - value).clip(lower=0)]
        look = {"color": SERIES[0], "alpha": (0.35, 0.6, 1.0)[i % 3], "label": title}
        axes.barh(places, value, 0.24, **look)
        axes.errorbar(value, places, xerr=[end.fillna(0) for end in ends], fmt="none", ecolor=INK, elinewidth=1)
    axes.set_yticks(range(len(labels)), [short(label) for label in labels])
    axes.set(ylim=(len(labels) - 0.5, -0.5), xlim=(0, 1.01), xlabel="score on test texts, 95% interval")
    return _finished(axes, ())


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


def history(table: pd.DataFrame, score: str) -> Figure:
    """Draw the score of each trial of a search, and the best so far. table: number, score, best, look in TRIALS."""
    axes = _axes(3.4)
    axes.step(table["number"], table["best"], where="post", color=INK, linewidth=1, label="best so far")
    axes.set(xlabel="trial", ylabel=score)
    _trials(axes, table["number"], table)
    return _finished(axes, ())


def slices(table: pd.DataFrame, score: str) -> Figure:
    """Draw a panel a key: value against score. table: key, value, scale, place of the value, score, look in TRIALS."""
    parts = dict(list(table.groupby("key", sort=False)))
    rows = (len(parts) + 1) // 2
    figure = Figure(figsize=(4.8, 0.7 + 2.1 * rows), layout="constrained")
    figure.supylabel(score, fontsize=10)
    panels = list(figure.subplots(rows, 2, sharey=True, squeeze=False).flat)
    for axes, (key, part) in zip(panels, parts.items(), strict=False):
        axes.set_title(short(key), fontsize=10)
        nominal, values = part["scale"].iloc[0] == "nominal", part["value"].drop_duplicates()
        x = part["place"] if nominal else part["value"].astype(float)
        if not nominal:
            axes.set_xscale(part["scale"].iloc[0])
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter("")
        if nominal or len(values) <= FEW_TICKS:
            axes.set_xticks(x[values.index], map(short, values), rotation=20 if nominal else 0)
            axes.minorticks_off()
        axes.margins(x=0.15)
        _trials(axes, x, part)
    for axes in panels[len(parts) :]:
        axes.remove()
    return _finished(panels[0], ())


def _trials(axes, x: pd.Series, table: pd.DataFrame) -> None:
    """Draw a point a trial, the best on top."""
    for look, (title, (colour, marker, opacity)) in enumerate(TRIALS.items()):
        mine = table["look"] == look
        axes.plot(x[mine], table["score"][mine], marker, color=colour, alpha=opacity, label=title)


def parallel(table: pd.DataFrame) -> Figure:
    """Draw a line a trial through its place on the axis of each key, below each other. table: as of `slices`."""
    keys = list(dict.fromkeys(table["key"]))
    axes = _axes(1.2 + 0.75 * len(keys))
    for look, (title, (colour, _, opacity)) in enumerate(TRIALS.items()):
        for i, (_, part) in enumerate(table[table["look"] == look].groupby("trial")):
            mine = {"color": colour, "alpha": opacity if look == 2 else opacity / 2, "linewidth": 1 + look / 2}
            axes.plot(part["place"], part["key"].map(keys.index), label="_" if i else title, **mine)
    for row, key in enumerate(keys):
        part = table[table["key"] == key].sort_values("place").drop_duplicates("value")
        for line in (part if part["scale"].iloc[0] == "nominal" else part.iloc[[0, -1]]).itertuples():
            box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}
            axes.text(line.place, row + 0.1, short(line.value), ha="center", va="top", fontsize=8, bbox=box)
    axes.set_yticks(range(len(keys)), [short(key).replace(".", ".\n", 1) for key in keys])
    axes.set(xticks=(), xlim=(-0.12, 1.12), ylim=(len(keys) - 0.4, -0.4))
    axes.spines[:].set_visible(False)
    return _finished(axes, ())
