"""The pictures, as SVG text that repeats byte for byte: no date, ids from their content, letters as outlines.

Every colour is one of COLOURS, so that a page can put its own in their place.
"""

import io
import re

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from strata.labels import MEAN_OF_LABELS

COLOURS = {
    "ink": "#1f2328",
    "muted": "#59636e",
    "grid": "#d1d9e0",
    "paper": "#ffffff",
    "first": "#0a58b0",
    "second": "#b84a00",
    "third": "#1a7f37",
    "fourth": "#8250df",
    "fifth": "#7d6200",
}
SERIES = [COLOURS[name] for name in ("first", "second", "third", "fourth", "fifth")]
DASHES = ["-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1))]  # told apart without colour
STYLE = {
    "svg.hashsalt": "strata",
    "svg.fonttype": "path",
    "text.parse_math": False,  # a label may hold a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": COLOURS["paper"],
    "axes.facecolor": COLOURS["paper"],
    "savefig.facecolor": COLOURS["paper"],
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["ink"],
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
WIDTH, HEIGHT = 4.8, 3.9  # inches
LABELS = 25  # of a confusion matrix, at most
CURVES = 5  # labels whose curves are drawn
NAME = 22  # characters of a label's name


def _figure(height: float = HEIGHT, width: float = WIDTH) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def _svg(figure: Figure, name: str) -> str:
    """Write a figure. Its ids begin with its name, since a page holds several."""
    written = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(written, format="svg", metadata=nothing)
    text = written.getvalue()
    text = re.sub(
        r"<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*|<!--.*?-->\s*|<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL
    )
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


def _drawn(function):
    """Draw with our style, whatever the user's own matplotlibrc says."""

    def wrapped(*args, **kwargs):
        with style.context([STYLE], after_reset=True):
            return _svg(function(*args, **kwargs), function.__name__.replace("_", "-"))

    return wrapped


def short(name: str) -> str:
    return name if len(name) <= NAME else name[: NAME - 1] + "…"


def _one(curve: pd.DataFrame, x: str, y: str) -> tuple[pd.Series, pd.Series]:
    """The only label's curve, or of many the mean of all."""
    mean = curve["label"] == MEAN_OF_LABELS
    kept = curve[mean] if mean.any() else curve
    return kept[x], kept[y]


def _square(figure: Figure, x: str, y: str):
    axes = figure.add_subplot()
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x, ylabel=y)
    return axes


def _lines(axes, curves: dict[str, tuple[pd.Series, pd.Series]], place: str) -> None:
    for i, (name, (x, y)) in enumerate(curves.items()):
        axes.plot(x, y, color=SERIES[i], linestyle=DASHES[i], label=short(name))
    axes.legend(loc=place)


@_drawn
def roc(curves: dict[str, pd.DataFrame]) -> Figure:
    """curves: by model, as strata/curves.py gives them."""
    figure = _figure()
    axes = _square(figure, "false alarms (false positive rate)", "found (true positive rate)")
    axes.plot([0, 1], [0, 1], color=COLOURS["muted"], linewidth=1, linestyle=":")
    lines = {name: _one(curve, "false_positive_rate", "true_positive_rate") for name, curve in curves.items()}
    _lines(axes, lines, "lower right")
    return figure


@_drawn
def precision_recall(curves: dict[str, pd.DataFrame]) -> Figure:
    figure = _figure()
    axes = _square(figure, "found (recall)", "right among the found (precision)")
    _lines(axes, {name: _one(curve, "recall", "precision") for name, curve in curves.items()}, "lower left")
    return figure


@_drawn
def roc_by_label(curve: pd.DataFrame, labels: list[str]) -> Figure:
    """Each of some labels against the rest."""
    figure = _figure()
    axes = _square(figure, "false alarms (false positive rate)", "found (true positive rate)")
    axes.plot([0, 1], [0, 1], color=COLOURS["muted"], linewidth=1, linestyle=":")
    parts = {name: curve[curve["label"] == name] for name in labels}
    _lines(
        axes, {name: (p["false_positive_rate"], p["true_positive_rate"]) for name, p in parts.items()}, "lower right"
    )
    return figure


@_drawn
def precision_recall_by_label(curve: pd.DataFrame, labels: list[str]) -> Figure:
    figure = _figure()
    axes = _square(figure, "found (recall)", "right among the found (precision)")
    parts = {name: curve[curve["label"] == name] for name in labels}
    _lines(axes, {name: (part["recall"], part["precision"]) for name, part in parts.items()}, "lower left")
    return figure


@_drawn
def confusion(table: pd.DataFrame, labels: list[str]) -> Figure:
    """Shares of each label's rows, as shades, with the counts; with few labels both are written."""
    n = len(labels)
    place = {name: i for i, name in enumerate(labels)}
    few = n <= 6
    figure = _figure(HEIGHT) if few else _figure(1.6 + 0.34 * n, 2.0 + 0.34 * n)
    axes = figure.add_subplot()
    axes.grid(False)
    size = 10 if few else 7
    for line in table.itertuples(index=False):
        x, y = place[line.predicted], place[line.actual]
        axes.add_patch(_square_of(x, y, line.share))
        if line.rows or few:
            said = f"{100 * line.share:.0f}%\n{int(line.rows):,}" if few else f"{int(line.rows)}"
            colour = COLOURS["paper"] if line.share >= 0.5 else COLOURS["ink"]
            axes.text(x, y, said, ha="center", va="center", color=colour, fontsize=size)
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xlabel="given label", ylabel="right label")
    names = [short(name) for name in labels]
    turned = n > 3 or max(map(len, names)) > 14
    axes.set_xticks(range(n), names, rotation=90 if turned else 0, fontsize=size + 1)
    axes.set_yticks(range(n), names, fontsize=size + 1)
    axes.tick_params(length=0)
    return figure


def _square_of(x: int, y: int, shade: float) -> Rectangle:
    return Rectangle(
        (x - 0.5, y - 0.5),
        1,
        1,
        facecolor=COLOURS["first"],
        alpha=max(0.0, shade),
        edgecolor=COLOURS["grid"],
        linewidth=0.5,
    )


@_drawn
def reliability(curves: dict[str, pd.DataFrame]) -> Figure:
    """How often a stated probability is right. curves: by name, columns stated, right, rows."""
    figure = _figure()
    axes = _square(figure, "probability that the model states", "how often it is right")
    axes.plot([0, 1], [0, 1], color=COLOURS["muted"], linewidth=1, linestyle=":", label="as good as its word")
    for i, (name, part) in enumerate(curves.items()):
        marker = "os^D"[i % 4]
        axes.plot(part["stated"], part["right"], color=SERIES[i], linestyle=DASHES[i], marker=marker, label=name)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@_drawn
def threshold(table: pd.DataFrame, chosen: float | None) -> Figure:
    """Scores at each threshold, the chosen one marked; half where none was chosen."""
    figure = _figure()
    axes = _square(figure, "threshold on the positive label's probability", "score on validation texts")
    for i, name in enumerate(("precision", "recall", "f1", "f2")):
        title = name.upper() if name.startswith("f") else name
        axes.plot(table["threshold"], table[name], color=SERIES[i], linestyle=DASHES[i], label=title)
    mark = 0.5 if chosen is None else chosen
    said = "0.5 (none chosen)" if chosen is None else f"chosen: {chosen:.3f}"
    axes.axvline(mark, color=COLOURS["ink"], linewidth=1.2, label=said)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@_drawn
def score_by_length(table: pd.DataFrame, overall: float) -> Figure:
    """Accuracy and its interval for texts of each length."""
    figure = _figure(1.5 + 0.36 * len(table))
    axes = figure.add_subplot()
    places = np.arange(len(table))
    spread = [(table["accuracy"] - table["low"]).clip(lower=0), (table["high"] - table["accuracy"]).clip(lower=0)]
    axes.axvline(overall, color=COLOURS["second"], linewidth=1.2, linestyle=DASHES[1], label="all texts")
    axes.errorbar(
        table["accuracy"], places, xerr=spread, fmt="o", color=COLOURS["first"], capsize=3, label="with 95% interval"
    )
    names = [f"{name} ({int(rows):,})" for name, rows in zip(table["length"], table["rows"], strict=True)]
    axes.set_yticks(places, names)
    axes.set(ylim=(len(table) - 0.5, -0.5), xlabel="accuracy")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@_drawn
def training(losses: pd.DataFrame, validation: pd.DataFrame, best: int | None) -> Figure:
    """Loss on training and validation rows, and accuracy on the latter, by step."""
    figure = _figure(4.6)
    top, bottom = figure.subplots(2, 1, sharex=True)
    if not losses.empty:
        top.plot(losses["step"], losses["loss"], color=SERIES[1], linewidth=1.2, label="training")
    if not validation.empty:
        top.plot(validation["step"], validation["loss"], color=SERIES[0], marker="o", label="validation")
        bottom.plot(validation["step"], validation["accuracy"], color=SERIES[0], marker="o")
    for axes in (top, bottom):
        if best is not None:
            axes.axvline(best, color=COLOURS["ink"], linewidth=1, linestyle=":", label="kept")
    top.set_ylabel("loss")
    top.legend(loc="upper right")
    bottom.set(xlabel="step", ylabel="accuracy, validation")
    return figure
