"""Which pictures the report has, each with what it says in words; one whose figures are not there is left out."""

import pandas as pd

from stages.report import pictures
from stages.report.content import Picture, number, share
from stages.report.results import Results
from stages.report.words import MODELS, SCORES

CURVE_FILES = {"fp32": "evaluate", "int8": "quantize", "tfidf": "baseline"}


def worst_labels(results: Results, curve: pd.DataFrame) -> list[str]:
    """The labels with a curve that have the most errors, at most so many as a picture can hold."""
    table = results.plots["evaluate/confusion"]
    drawn = set(curve["label"])
    if table.empty:
        return [name for name in results.labels.names if name in drawn][: pictures.CURVES]
    wrong = table[table["actual"] != table["predicted"]].groupby("actual")["rows"].sum()
    ranked = sorted(results.labels.names, key=lambda name: -wrong.get(name, 0))
    return [name for name in ranked if name in drawn][: pictures.CURVES]


def curves(results: Results) -> list[Picture]:
    """ROC and precision-recall of fp32, int8 and TF-IDF; with many labels also of those with the most errors."""
    made = []
    many = results.labels.positive is None
    of = "mean over all labels" if many else f"label {results.labels.positive}"
    drawers = {
        "roc": ("ROC", "roc_auc", pictures.roc, pictures.roc_by_label),
        "precision_recall": (
            "Precision and recall",
            "pr_auc",
            pictures.precision_recall,
            pictures.precision_recall_by_label,
        ),
    }
    scored = {
        "fp32": results.test,
        "int8": results.metrics["quantize"],
        "tfidf": results.metrics["baseline"].get("tfidf"),
    }
    for file, (title, area, draw, draw_labels) in drawers.items():
        found = {model: results.plots[f"{stage}/{file}"] for model, stage in CURVE_FILES.items()}
        found = {model: curve for model, curve in found.items() if not curve.empty}
        if not found:
            continue
        areas = ", ".join(f"{MODELS[model]} {number((scored[model] or {}).get(area))}" for model in found)
        svg = draw({MODELS[model]: curve for model, curve in found.items()})
        caption = (
            f"{title} on test texts, {of}; closer to the {'upper left' if file == 'roc' else 'upper right'} is better"
        )
        name = file.replace("_", "-")
        made.append(Picture(name, caption, f"{title} curves. {SCORES[area][0]}: {areas}.", svg))
        if many and "fp32" in found:
            labels = worst_labels(results, found["fp32"])
            caption = f"{title} of the labels with the most errors, each against the rest; fine-tuned, fp32"
            says = f"{title} curves of {', '.join(labels)}."
            made.append(Picture(f"{name}-by-label", caption, says, draw_labels(found["fp32"], labels)))
    return made


def confusion(results: Results) -> list[Picture]:
    table = results.plots["evaluate/confusion"]
    if table.empty or len(results.labels.names) > pictures.LABELS:
        return []
    right = table[table["actual"] == table["predicted"]]
    many = len(right) > 6
    says = "Of the texts of each label, the share that gets it: "
    says += ", ".join(f"{line.actual} {share(line.share)}" for line in right.itertuples(index=False))
    written = "the counts are written" if many else "share and number of texts are written"
    caption = f"Which label is given to texts of which label; shades are shares of each row, {written}"
    return [Picture("confusion", caption, f"{says}.", pictures.confusion(table, results.labels.names), wide=many)]


def reliability(results: Results) -> list[Picture]:
    found = {
        MODELS["fp32"]: results.plots["evaluate/reliability"],
        "The same before calibration": results.plots["evaluate/reliability_before"],
        MODELS["int8"]: results.plots["quantize/reliability"],
        MODELS["tfidf"]: results.plots["baseline/reliability"],
    }
    parts = {name: table for name, table in found.items() if not table.empty}
    if not parts:
        return []
    caption = (
        "Stated probability against how often it is right, in tenths of the test texts; on the dotted line it can be "
        "believed"
    )
    says = f"Reliability curves. Calibration error of the fine-tuned model: {number(results.test.get('ece'))}."
    return [Picture("reliability", caption, says, pictures.reliability(parts))]


def threshold(results: Results) -> list[Picture]:
    table = results.plots["evaluate/threshold"]
    if table.empty or results.labels.positive is None:
        return []
    chosen = (results.test.get("decision") or {}).get("threshold")
    says = "Precision, recall, F1 and F2 at each threshold. "
    says += "No threshold was chosen." if chosen is None else f"The chosen one is {number(chosen)}."
    caption = f"What another threshold for {results.labels.positive} would bring, on validation texts"
    return [Picture("threshold", caption, says, pictures.threshold(table, chosen))]


def score_by_length(results: Results) -> list[Picture]:
    table = results.plots["evaluate/score_by_length"]
    if table.empty:
        return []
    says = "Accuracy by length: " + ", ".join(
        f"{line.length} {share(line.accuracy)}" for line in table.itertuples(index=False)
    )
    caption = "Accuracy by length of the text, with the number of test texts"
    return [Picture("score-by-length", caption, f"{says}.", pictures.score_by_length(table, results.test["accuracy"]))]


def training(results: Results) -> list[Picture]:
    losses, validation = results.plots["train/training"], results.plots["train/validation"]
    if losses.empty and validation.empty:
        return []
    best = results.metrics["train"].get("best_step")
    says = "Loss and accuracy by training step."
    if not validation.empty:
        last = validation.iloc[-1]
        says += f" At the last step, {int(last['step'])}, the validation loss is {number(last['loss'])}."
    caption = "How training went; dotted: the state that was kept"
    return [Picture("training", caption, says, pictures.training(losses, validation, best))]
