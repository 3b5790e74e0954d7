"""Which pictures the report has; one whose figures are not there is left out. Each model keeps its colour."""

import pandas as pd

from stages.report.pictures import (
    COLOURS,
    bars,
    confidence,
    confusion,
    history,
    intervals,
    lines,
    parallel,
    reliability,
    short,
    slices,
    svg,
)
from strata.labels import MEAN_OF_LABELS

PLACES = {"fp32": 0, "int8": 1, "tfidf": 2, "untuned": 3, "majority": 4}  # of a model's look
LOOKS = {model: list(COLOURS)[place] for model, place in PLACES.items()}  # names of colours
FILES = {"fp32": "evaluate", "int8": "quantize", "tfidf": "baseline"}  # the stage that wrote a model's curves
ROC = "false positive rate (false alarms)", "true positive rate (recall)", "chance"
CALIBRATION = "stated probability", "how often it is right", "perfect calibration"
SCORES = {"precision": "precision", "recall": "recall", "f1": "F1", "f2": "F2"}  # at each threshold
BY_LABEL = {"precision": "precision", "recall": "recall", "f1": "F1"}  # the scores of each label
BEFORE = 5  # place of the look of all else: before calibration, on training texts
MOST_LABELS, MOST_CURVES = 25, 5  # of a confusion matrix; in one picture


def pictures(values: dict) -> dict[str, str]:
    """Return every picture, SVG by name. values: as stages/report/results.py reads them."""
    plots, labels = values["plots"], values["labels"]
    drawn = {"models": svg("models", intervals, accuracies(values), "accuracy on test texts, 95% interval")}
    drawn |= curves(values, "roc", "false_positive_rate", "true_positive_rate", ROC)
    drawn |= curves(values, "precision_recall", "recall", "precision", ("recall", "precision"))
    if len(table := plots["evaluate/labels"]) and len(labels.names) <= MOST_LABELS:
        drawn["labels"] = svg("labels", bars, table, labels.names, BY_LABEL)
    if len(table := plots["evaluate/confusion"]) and len(labels.names) <= MOST_LABELS:
        drawn["confusion"] = svg("confusion", confusion, table, labels.names)
    if len(table := plots["evaluate/confidence"]):
        drawn["confidence"] = svg("confidence", confidence, table)
    drawn |= calibration(values)
    if len(table := plots["evaluate/threshold"]) and labels.positive:
        chosen = values["calibration"]["threshold"]
        mark = (0.5, "0.5 (none chosen)") if chosen is None else (chosen, f"chosen: {chosen:.3f}")
        shown = [(title, table["threshold"], table[name], 0, i) for i, (name, title) in enumerate(SCORES.items())]
        drawn["threshold"] = svg("threshold", lines, shown, ("threshold", "score on validation texts"), mark)
    if len(table := plots["evaluate/score_by_length"]):
        table = table.assign(title=table["length"] + table["rows"].map(" ({:,.0f})".format), place=0)
        mark = (values["scores"]["fp32"]["accuracy"], "all texts")
        drawn["length"] = svg("length", intervals, table, "accuracy, 95% interval", mark)
    return drawn | training(values) | searches(values)


def searches(values: dict) -> dict[str, str]:
    """The trials of each search that has this run's settings."""
    drawn = {}
    for i, search in enumerate(values["searches"], 1):
        score = f"{search['answer'].metric} on validation texts"
        drawn |= {f"search-{i}-history": (history, search["history"], score)}
        drawn |= {f"search-{i}-parallel": (parallel, search["places"])}
        drawn |= {f"search-{i}-slices": (slices, search["places"], score)}
    return {name: svg(name, *values) for name, values in drawn.items()}


def calibration(values: dict) -> dict[str, str]:
    """The probabilities that models state against how often they are right."""
    plots = values["plots"]
    tables = {values["models"][model]: (plots[f"{stage}/reliability"], PLACES[model]) for model, stage in FILES.items()}
    tables["fp32 before calibration"] = (plots["evaluate/reliability_before"], BEFORE)
    shown = [(title, table["stated"], table["right"], i, i) for title, (table, i) in tables.items() if len(table)]
    stated = plots["evaluate/confidence"]
    return {"reliability": svg("reliability", reliability, shown, CALIBRATION, stated)} if shown else {}


def accuracies(values: dict) -> pd.DataFrame:
    """The accuracy of each model; without an interval where none could be computed."""
    rows = []
    for model, scores in values["scores"].items():
        ends = scores["interval"]["accuracy"] or dict.fromkeys(("low", "high"), scores["accuracy"])
        rows.append({"title": values["models"][model], "accuracy": scores["accuracy"], "place": PLACES[model]} | ends)
    return pd.DataFrame(rows)


def training(values: dict) -> dict[str, str]:
    """Loss on training and validation rows, and accuracy on the latter."""
    best, drawn = values["train"]["best_step"], {}
    options = {"mark": (best, "kept") if best else (), "shares": False}
    tables = [(name, values["plots"][f"train/{name}"], i) for name, i in (("validation", 0), ("training", BEFORE))]
    for column in ("loss", "accuracy"):
        if shown := [(name, table["step"], table[column], i, i) for name, table, i in tables if column in table]:
            drawn[f"training-{column}"] = svg(f"training-{column}", lines, shown, ("step", column), **options)
    return drawn


def curves(values: dict, kind: str, x: str, y: str, titles: tuple) -> dict[str, str]:
    """fp32, int8 and TF-IDF beside each other; with many labels their means, and the labels most often confused."""
    shown, name, level = [], kind.replace("_", "-"), ()
    for model, stage in FILES.items():
        if len(table := values["plots"][f"{stage}/{kind}"]):
            mean = table["label"] == MEAN_OF_LABELS
            part = table[mean] if mean.any() else table
            shown.append((with_area(values["models"][model], part), part[x], part[y], PLACES[model], PLACES[model]))
            level = (part["prevalence"].iloc[0], "chance") if "prevalence" in part else ()
    drawn = {name: svg(name, lines, shown, titles, level=level)} if shown else {}
    table = values["plots"][f"evaluate/{kind}"]
    if values["labels"].positive is None and len(table):
        confused = [line["actual"] for line in values["confusions"]] + values["labels"].names
        worst = [label for label in dict.fromkeys(confused) if label in set(table["label"])][:MOST_CURVES]
        parts = [table[table["label"] == label] for label in worst]
        named = [(with_area(short(label), part), part) for label, part in zip(worst, parts, strict=True)]
        shown = [(title, part[x], part[y], 0, i) for i, (title, part) in enumerate(named)]
        drawn[f"{name}-by-label"] = svg(f"{name}-by-label", lines, shown, titles)
    return drawn


def with_area(title: str, curve: pd.DataFrame) -> str:
    """A curve's title with the area under it."""
    return f"{title}: {curve['area'].iloc[0]:.3f}"
