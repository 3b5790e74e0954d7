"""What the other stages wrote, and the words in glossary.toml: all that the templates and pictures read."""

import tomllib
from pathlib import Path

import pandas as pd

from strata.base.errors import StrataError, did_you_mean
from strata.base.files import read_json
from strata.base.spreadsheet import unguarded
from strata.goal import missed_error
from strata.goal import parse as parse_goal
from strata.labels import read_labels
from strata.score_table import parse
from strata.scoring import LOWER_IS_BETTER, NAMES

METRICS = "ingest", "standardize", "split", "resample", "tokenize", "adapt", "baseline", "train", "evaluate", "quantize"
LISTS = "errors", "slices", "error_kinds", "confusions", "suspects"
CURVES = "precision_recall", "reliability", "roc"
PLOTS = {
    "baseline": CURVES,
    "evaluate": (*CURVES, "confusion", "confidence", "labels", "reliability_before", "score_by_length", "threshold"),
    "quantize": CURVES,
    "train": ("training", "validation"),
}
TEXT = ["id", "label", "prediction", "kinds", "words", "text", "suggested", "actual", "predicted", "kind", "name"]
TEXT += ["length", "metric", "model", "change", "words", "different", "candidate", "split", "refused"]
"""The columns that are text, also where a label or a text looks like a number; all others are figures."""
SCORED = ("majority", "baseline"), ("tfidf", "baseline"), ("untuned", "evaluate"), ("fp32", "evaluate")
SCORED += (("int8", "quantize"),)
"""The models that are compared, and the stage that scored each."""
MEANS = "precision", "recall", "f2"  # over the labels, where none is the positive one
MOST_LABELS = 50  # of the table of each label
SURE, ORDER = 0.05, ("difference", "kind", "name")  # of slices: adjusted p-value of those that stand out; order


class Words(dict):
    """Words by name, of one section; unknown names raise."""

    def __init__(self, section: str, words: dict):
        super().__init__(words)
        self.section = section

    def __missing__(self, name: str):
        known = did_you_mean(str(name), list(self))
        raise StrataError(f"glossary.toml: [{self.section}] has no words for {str(name)!r}; add them{known}")


def glossary() -> dict[str, Words]:
    text = Path(__file__).with_name("glossary.toml").read_text(encoding="utf-8")
    return {section: Words(section, words) for section, words in tomllib.loads(text).items()}


def macro_titles(metrics: Words) -> Words:
    """Return the words of metrics, with titles that say which are means over the labels."""
    changed = {name: metrics[name] | {"title": f"Macro {metrics[name]['title']}"} for name in MEANS}
    return Words(metrics.section, metrics | changed | {"f1": metrics["f1"] | {"title": metrics["f1_macro"]["title"]}})


def read(metrics: Path, plots: Path, evaluate: Path, labels: Path) -> dict:
    """Read all. Raises: StrataError when labels or metrics are missing or broken.

    Returns: each stage's metrics, each list and each section of the glossary by its name; what `measured` returns; the
    tables of `plots`, by stage/name; and `absent`, the lists and plots that are not there, which have no rows.
    """
    paths = {name: evaluate / f"{name}.csv" for name in LISTS}
    paths |= {f"{stage}/{name}": plots / stage / f"{name}.csv" for stage in PLOTS for name in PLOTS[stage]}
    tables = {name: read_table(path) for name, path in paths.items() if path.is_file() and path.stat().st_size}
    absent = [path for name, path in paths.items() if name not in tables]
    tables = {name: tables.get(name, pd.DataFrame()) for name in paths}
    if len(slices := tables["slices"]):  # those that stand out first, then by accuracy beside the rest
        slices = slices.assign(sure=slices["p_adjusted"] <= SURE)
        tables["slices"] = slices.sort_values(["sure", *ORDER], ascending=[False, True, True, True], kind="stable")
    stages = {stage: read_json(metrics / f"{stage}.json") for stage in METRICS}
    kept = tables["train/validation"]
    stages["train"]["best_step"] = kept["step"][kept["kept"] == 1].max() if len(kept) else None
    own = {"labels": read_labels(labels), "names": NAMES, "lower_is_better": LOWER_IS_BETTER, "absent": absent}
    records = {name: tables[name].to_dict("records") for name in LISTS}
    own["label_scores"] = of_labels(tables["evaluate/labels"])
    measurements = measured(plots, evaluate, own["labels"].names, stages["quantize"])
    return stages | records | glossary() | own | measurements | {"plots": tables}


def models_of(kind: str, values: dict) -> Words:
    """Return the words for the models that were scored. kind: model.kind. values: of `read`."""
    words = values["models"] | values.get(f"models_{kind}", {})
    return Words("models", {model: title for model, title in words.items() if model in values["scores"]})


def measured(plots: Path, evaluate: Path, names: list[str], quantize: dict) -> dict:
    """Read what evaluate, baseline and quantize measured. names: of labels. quantize: its metrics.

    Returns: `scores` on test rows by model, `parts`, of the fine-tuned model by split, `verdicts` by the other model,
    `behaviour` by change, `calibration`, `cautions`, `label_noise`, `tried`, a line for each candidate on validation
    rows, `small`, the chosen one's on test rows, and `goal`, evaluate's where int8 may abstain for it, else None.
    Raises: StrataError when a file is missing.
    """
    scored = {}
    for stage in dict.fromkeys(stage for _, stage in SCORED):
        scored |= parse(read_text(plots / stage / "scores.csv"))
    candidates = by_column(plots / "quantize/candidates.csv", "split", "candidate")
    calibration = read_json(evaluate / "calibration.json")
    calibration["shift"] = dict(zip(names, calibration["shift"], strict=True))
    if isinstance(calibration["threshold"], list):
        calibration["threshold"] = dict(zip(names, calibration["threshold"], strict=True))
    calibration |= {"before": scored["uncalibrated", "test"], "after": scored["fp32", "test"]}
    notes, int8 = read_json(evaluate / "notes.json"), scored["int8", "test"]
    is_trained = read_json(evaluate / "ships/kind.json")["kind"] != "tfidf"
    goal = parse_goal(calibration["goal"]) if calibration["goal"] else None
    goal = goal if goal and goal.may_abstain else None
    if goal and (missed := missed_error(goal, int8["answered_error"], int8["interval"]["answered_error"])):
        notes["cautions"].append(missed)
    return notes | {
        "goal": goal,
        "scores": {model: scored[model, "test"] for model, _ in SCORED if is_trained or model != "untuned"},
        "parts": {split: scored["fp32", split] for split in ("train", "validation", "test")},
        "verdicts": by_column(plots / "evaluate/verdicts.csv", "model"),
        "behaviour": by_column(plots / "evaluate/behaviour.csv", "change"),
        "calibration": calibration,
        "tried": [line for (split, _), line in candidates.items() if split == "validation"],
        "small": candidates["test", quantize["candidate"]],
    }


def of_labels(table: pd.DataFrame) -> list[dict]:
    """Return for each label its rows, and value, low and high of each metric; of many labels, the lowest F1 first."""
    lines = []
    for label, part in table.groupby("label", sort=False) if len(table) else ():
        metrics = part.set_index("metric")[["value", "low", "high"]].to_dict("index")
        lines.append({"label": label, "rows": part["rows"].iloc[0]} | metrics)
    return sorted(lines, key=lambda line: line["f1"]["value"]) if len(lines) > MOST_LABELS else lines


def by_column(path: Path, *columns: str) -> dict:
    """Return the lines of a table by the values of some columns. Raises: StrataError when there is no such file."""
    read_text(path)
    lines = read_table(path).to_dict("records")
    return {line[columns[0]] if len(columns) == 1 else tuple(line[name] for name in columns): line for line in lines}


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file; run the stage that writes it, or dvc repro") from None


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV file: TEXT as it is written, all else as float."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False).map(unguarded)
    for column in table.columns.difference(TEXT, sort=False):
        table[column] = pd.to_numeric(table[column]).astype(float)
    return table
