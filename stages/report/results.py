"""What the other stages found out, read from their files."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from strata.base.files import read_json
from strata.labels import Labels, read_labels

METRICS = (
    "ingest",
    "standardize",
    "split",
    "resample",
    "tokenize",
    "adapt",
    "baseline",
    "train",
    "evaluate",
    "quantize",
)
TEXT = frozenset(
    {
        "id",
        "label",
        "prediction",
        "kinds",
        "words",
        "text",
        "suggested",
        "actual",
        "predicted",
        "kind",
        "name",
        "length",
    }
)
"""The columns that are text, also where a label or a text looks like a number; all others are figures."""
LISTS = ("errors", "slices", "error_kinds", "confusions", "suspects")
PLOTS = (
    "baseline/precision_recall",
    "baseline/reliability",
    "baseline/roc",
    "evaluate/confusion",
    "evaluate/precision_recall",
    "evaluate/reliability",
    "evaluate/reliability_before",
    "evaluate/roc",
    "evaluate/score_by_length",
    "evaluate/threshold",
    "quantize/precision_recall",
    "quantize/reliability",
    "quantize/roc",
    "train/training",
    "train/validation",
)


@dataclass(frozen=True)
class Results:
    """metrics: by stage. lists: what evaluate listed, by name. plots: by "stage/name". A table may have no rows.

    absent: the files that are not there; what they would hold is left out of the report.
    """

    labels: Labels
    metrics: dict[str, dict]
    lists: dict[str, pd.DataFrame]
    plots: dict[str, pd.DataFrame]
    absent: list[Path]

    @property
    def test(self) -> dict:
        """The scores of the fine-tuned model on test rows."""
        return self.metrics["evaluate"]

    @property
    def test_rows(self) -> int:
        return self.metrics["split"]["test"]["rows"]


def read(metrics: Path, plots: Path, evaluate: Path, labels: Path) -> Results:
    """Read all. Raises: StrataError when labels or metrics are missing or broken; a missing list or plot is noted."""
    tables, absent = {}, []
    for path in [*(evaluate / f"{name}.csv" for name in LISTS), *(plots / f"{name}.csv" for name in PLOTS)]:
        try:
            tables[path] = read_table(path)
        except (FileNotFoundError, pd.errors.EmptyDataError):
            tables[path] = pd.DataFrame()
            absent.append(path)
    return Results(
        read_labels(labels),
        {stage: read_json(metrics / f"{stage}.json") for stage in METRICS},
        {name: tables[evaluate / f"{name}.csv"] for name in LISTS},
        {name: tables[plots / f"{name}.csv"] for name in PLOTS},
        absent,
    )


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV file: TEXT as it is written, all else as float."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in table.columns.difference(sorted(TEXT), sort=False):
        table[column] = pd.to_numeric(table[column]).astype(float)
    return table
