"""Which pictures the report has; one whose figures are not there is left out. A model looks the same in all of them."""

import pandas as pd

from stages.report.pictures import Line, confusion, intervals, lines, svg
from stages.shared.labels import MEAN_OF_LABELS

PLACES = {"fp32": 0, "int8": 1, "tfidf": 2, "untuned": 3, "majority": 4}  # of a model's look
FILES = {"fp32": "evaluate", "int8": "quantize", "tfidf": "baseline"}  # the stage that wrote a model's curves
ROC = {"x": "false positive rate (false alarms)", "y": "true positive rate (recall)", "diagonal": "chance"}
CALIBRATION = {"x": "stated probability", "y": "how often it is right", "diagonal": "perfect calibration"}
MOST_LABELS, MOST_CURVES = 25, 5  # of a confusion matrix; in one picture


def pictures(values: dict) -> dict[str, str]:
    """Return every picture, SVG by name. values: as stages/report/results.py reads them."""
    plots, labels, threshold = values["plots"], values["labels"], values["evaluate"]["decision"]["threshold"]
    drawn = {"models": svg("models", intervals, model_scores(values), "accuracy on test texts, 95% interval")}
    drawn |= curves(values, "roc", "false_positive_rate", "true_positive_rate", ROC)
    drawn |= curves(values, "precision_recall", "recall", "precision", {"x": "recall", "y": "precision"})
    if len(table := plots["evaluate/confusion"]) and len(labels.names) <= MOST_LABELS:
        drawn["confusion"] = svg("confusion", confusion, table, labels.names)
    parts = {f"{stage}/reliability": (values["models"][model], PLACES[model]) for model, stage in FILES.items()}
    parts |= {"evaluate/reliability_before": ("fp32 before calibration", 3)}
    shown = [Line(title, plots[name]["stated"], plots[name]["right"], i) for name, (title, i) in parts.items() if len(plots[name])]
    if shown:
        drawn["reliability"] = svg("reliability", lines, shown, **CALIBRATION, markers=True)
    if len(table := plots["evaluate/threshold"]) and labels.positive:
        mark = (0.5, "0.5 (none chosen)") if threshold is None else (threshold, f"chosen: {threshold:.3f}")
        names = {"precision": "precision", "recall": "recall", "f1": "F1", "f2": "F2"}
        shown = [Line(title, table["threshold"], table[name], i) for i, (name, title) in enumerate(names.items())]
        drawn["threshold"] = svg("threshold", lines, shown, "threshold", "score on validation texts", mark=mark)
    if len(table := plots["evaluate/score_by_length"]):
        rows = [(f"{row['length']} ({row['rows']:,.0f})", row | {"value": row["accuracy"]}, 0) for row in table.to_dict("records")]
        drawn["length"] = svg("length", intervals, rows, "accuracy, 95% interval", (values["evaluate"]["accuracy"], "all texts"))
    return drawn | training(values)


def model_scores(values: dict) -> list[tuple[str, dict, int]]:
    """The accuracy of each model; without an interval where none could be computed."""
    rows = []
    for model, scores in values["scores"].items():
        value = scores["accuracy"]
        ends = scores["interval"]["accuracy"] or {"low": value, "high": value}
        rows.append((values["models"][model], ends | {"value": value}, PLACES[model]))
    return rows


def training(values: dict) -> dict[str, str]:
    """Loss on training and validation rows, and accuracy on the latter."""
    best = values["train"]["best_step"]
    options = {"mark": (best, "kept") if best else (), "shares": False}
    tables = {name: values["plots"][f"train/{name}"] for name in ("validation", "training")}
    losses = [Line(name, table["step"], table["loss"], i) for i, (name, table) in enumerate(tables.items()) if len(table)]
    drawn = {"loss": svg("loss", lines, losses, "step", "loss", **options)} if losses else {}
    if len(table := tables["validation"]):
        accuracy = [Line("validation", table["step"], table["accuracy"], 0)]
        drawn["validation"] = svg("validation", lines, accuracy, "step", "accuracy", **options)
    return drawn


def curves(values: dict, kind: str, x: str, y: str, axes: dict) -> dict[str, str]:
    """fp32, int8 and TF-IDF beside each other; with many labels their means, and the labels most often confused."""
    tables = {model: values["plots"][f"{stage}/{kind}"] for model, stage in FILES.items()}
    wholes = {model: overall(table) for model, table in tables.items() if len(table)}
    shown = [Line(values["models"][model], part[x], part[y], PLACES[model]) for model, part in wholes.items()]
    name, table = kind.replace("_", "-"), tables["fp32"]
    drawn = {name: svg(name, lines, shown, **axes)} if shown else {}
    if values["labels"].positive is None and len(table):
        confused = [line["actual"] for line in values["confusions"]] + values["labels"].names
        worst = [label for label in dict.fromkeys(confused) if label in set(table["label"])][:MOST_CURVES]
        parts = [table[table["label"] == label] for label in worst]
        shown = [Line(label, part[x], part[y], i) for i, (label, part) in enumerate(zip(worst, parts, strict=True))]
        drawn[f"{name}-by-label"] = svg(f"{name}-by-label", lines, shown, **axes)
    return drawn


def overall(curve: pd.DataFrame) -> pd.DataFrame:
    """The only label's curve, or of many the mean of all."""
    mean = curve["label"] == MEAN_OF_LABELS
    return curve[mean] if mean.any() else curve
