"""What the other stages wrote, and the words for it in glossary.toml: all that the templates and pictures read."""

import tomllib
from pathlib import Path

import pandas as pd

from strata.base.errors import StrataError, did_you_mean
from strata.base.files import read_json
from strata.base.spreadsheet import unguarded
from strata.labels import read_labels
from strata.scoring import LOWER_IS_BETTER, NAMES

METRICS = "ingest", "standardize", "split", "resample", "tokenize", "adapt", "baseline", "train", "evaluate", "quantize"
LISTS = "errors", "slices", "error_kinds", "confusions", "suspects"
CURVES = "precision_recall", "reliability", "roc"
PLOTS = {
    "baseline": CURVES,
    "evaluate": (*CURVES, "confusion", "reliability_before", "score_by_length", "threshold"),
    "quantize": CURVES,
    "train": ("training", "validation"),
}
TEXT = ["id", "label", "prediction", "kinds", "words", "text", "suggested", "actual", "predicted", "kind", "name"]
TEXT += ["length"]
"""The columns that are text, also where a label or a text looks like a number; all others are figures."""
SURE, ORDER = 0.05, ("difference", "kind", "name")  # of slices: adjusted p-value of those that stand out; order


class Words(dict):
    """What stands for each name of a section; a name that has none is an error."""

    def __init__(self, section: str, words: dict):
        super().__init__(words)
        self.section = section

    def __missing__(self, name: str):
        known = did_you_mean(str(name), list(self))
        raise StrataError(f"glossary.toml: [{self.section}] has no words for {str(name)!r}; add them{known}")


def glossary() -> dict[str, Words]:
    text = Path(__file__).with_name("glossary.toml").read_text(encoding="utf-8")
    return {section: Words(section, words) for section, words in tomllib.loads(text).items()}


def read(metrics: Path, plots: Path, evaluate: Path, labels: Path) -> dict:
    """Read all. Raises: StrataError when labels or metrics are missing or broken.

    Returns: each stage's metrics, each list and each section of the glossary by its name; `scores` by model; the tables
    of `plots`, by stage/name; and `absent`, the lists and plots that are not there, which have no rows.
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
    scores = {name: stages["baseline"][name] for name in ("majority", "tfidf")}
    scores |= {"untuned": stages["evaluate"]["untuned"], "fp32": stages["evaluate"], "int8": stages["quantize"]}
    own = {"labels": read_labels(labels), "names": NAMES, "lower_is_better": LOWER_IS_BETTER, "absent": absent}
    records = {name: tables[name].to_dict("records") for name in LISTS}
    return stages | records | glossary() | own | {"scores": scores, "plots": tables}


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV file: TEXT as it is written, all else as float."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False).map(unguarded)
    for column in table.columns.difference(TEXT, sort=False):
        table[column] = pd.to_numeric(table[column]).astype(float)
    return table
