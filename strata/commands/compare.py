"""Tell whether two runs differ on the test rows that they share, or the rows cannot tell.

    strata compare HEAD~1                  # from the root: a revision against the workspace
    strata compare HEAD~1 HEAD             # any two: commits, branches, tags, experiments, workspace
    strata compare exp-name workspace

Reads what `evaluate` wrote in each, out of DVC's cache or its remote, and joins the rows on `id`. Prints every score of
both with the difference, second less first, and its 95% interval: see strata/intervals/significance.py.
"""

import argparse
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.intervals.significance import paired_comparison
from strata.labels import Labels
from strata.scoring import LOWER_IS_BETTER, NAMES, scores

WORKSPACE = "workspace"
PREDICTIONS, LABELS = "data/evaluate/predictions.parquet", "data/standardize/labels.json"
SEED = 42  # of the draws behind the intervals


@dataclass(frozen=True)
class Run:
    """What one revision holds: its recipe's name and source, its labels, and its test rows (id, label, ...)."""

    name: str
    recipe: str
    source: Any
    labels: Labels
    rows: pd.DataFrame


def reader(name: str) -> Callable[[str], bytes]:
    """Return a function that reads a file of a revision, whether Git or DVC holds it.

    Raises: StrataError when there is no such revision; the function when it has no such file.
    """
    if name == WORKSPACE:

        def read(path: str) -> bytes:
            try:
                return Path(path).read_bytes()
            except FileNotFoundError:
                raise StrataError(f"{path}: no such file; dvc checkout, or dvc repro") from None

        return read

    # takes a second
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    try:
        revision = DVCFileSystem(rev=name)
        _ = revision.repo  # looks it up
    except (DvcException, SCMError) as error:
        raise StrataError(
            f"{name}: no such Git revision or DVC experiment ({error}); see git log, dvc exp list"
        ) from None

    def read_revision(path: str) -> bytes:
        try:
            with revision.open(path, "rb") as file:
                return file.read()
        except (DvcException, OSError):
            raise StrataError(
                f"{name}: {path}: in neither Git, DVC's cache nor its remote; dvc pull --all-commits, or dvc exp run "
                f"with {name} checked out"
            ) from None

    return read_revision


def load(name: str) -> Run:
    """Read one revision, or the workspace. Raises: StrataError when a file is missing."""
    read = reader(name)
    yaml = YAML(typ="safe", pure=True)
    recipe = yaml.load(read("params.yaml"))["recipe"]
    source = yaml.load(read(f"recipes/{recipe}.yaml"))["source"]
    labels = json.loads(read(LABELS))
    rows = pq.ParquetFile(io.BytesIO(read(PREDICTIONS))).read().to_pandas()
    rows = rows[rows["split"] == "test"].drop(columns="split")
    return Run(name, recipe, source, Labels(labels["labels"], labels["positive"]), rows)


def join(one: Run, other: Run) -> pd.DataFrame:
    """Return the test rows that both runs have, by id: id, label, and the other columns with _one and _other.

    Raises: StrataError when they cannot be compared: another recipe, source or labels, or no row in common.
    """
    pair = f"{one.name} and {other.name}"
    if one.recipe != other.recipe:
        raise StrataError(f"{pair} have recipes {one.recipe} and {other.recipe}; compare runs of one recipe")
    if one.source != other.source:
        raise StrataError(
            f"{pair}: recipes/{one.recipe}.yaml names other sources, so that an id is another row in each"
        )
    if one.labels != other.labels:
        said = [f"{', '.join(run.labels.names)} (positive: {run.labels.positive})" for run in (one, other)]
        raise StrataError(f"{pair} have labels {said[0]} and {said[1]}; compare runs of the same labels, in one order")
    both = one.rows.merge(other.rows, on="id", suffixes=("_one", "_other"), validate="one_to_one").sort_values("id")
    if both.empty:
        raise StrataError(f"{pair} share no test row; their splits differ: compare runs of one seed and split")
    changed = both[both["label_one"] != both["label_other"]]
    if len(changed):
        raise StrataError(
            f"{pair}: {len(changed):,} of {len(both):,} shared rows have another label in each, the first with id "
            f"{changed['id'].iloc[0]}; the source or the recipe's label rule has changed: compare runs of the same"
        )
    return both.rename(columns={"label_one": "label"}).drop(columns="label_other")


def unit(both: pd.DataFrame) -> np.ndarray:
    """The rows that are drawn together: the second run's clusters or groups, else the first's, else each row alone."""
    named = [name for name in ("unit_other", "unit_one", "unit") if name in both]
    return both[named[0] if named else "id"].to_numpy()


def table(one: dict, other: dict, found: dict, names: tuple[str, str]) -> list[str]:
    """Lay out each score of two runs, their difference and its interval, a line a score."""

    def cell(value: float | None, sign: str = "") -> str:
        return "undefined" if value is None else f"{value:{sign}.4f}"

    lines = [("", *names, "difference (95% interval)")]
    for name in NAMES:
        gap = found[name]
        interval = "" if gap["low"] is None else f" ({gap['low']:+.4f} to {gap['high']:+.4f})"
        shown = f"{name}, lower is better" if name in LOWER_IS_BETTER else name
        lines.append((shown, cell(one[name]), cell(other[name]), cell(gap["difference"], "+") + interval))
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    return [
        "  " + "  ".join([line[0].ljust(widths[0]), line[1].rjust(widths[1]), line[2].rjust(widths[2]), line[3]])
        for line in lines
    ]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("one", metavar="REVISION", help="a Git revision, a DVC experiment, or workspace")
    parser.add_argument("other", metavar="REVISION", nargs="?", default=WORKSPACE, help="workspace unless given")
    args = parser.parse_args(argv)
    one, other = load(args.one), load(args.other)
    both, positive = join(one, other), one.labels.positive_id
    labels = both["label"].to_numpy()
    first, second = (
        (np.stack(both[f"probabilities_{which}"]), both[f"prediction_{which}"].to_numpy()) for which in ("one", "other")
    )
    found = paired_comparison(labels, second[0], first[0], positive, unit(both), SEED, second[1], first[1])
    alone = [f"{len(run.rows) - len(both):,} more in {run.name}" for run in (one, other)]
    print(f"compare: {len(both):,} test rows in both, {alone[0]}, {alone[1]}")
    sides = [scores(labels, probabilities, positive, predicted) for probabilities, predicted in (first, second)]
    print("\n".join(table(*sides, found, (one.name, other.name))))
    counts = found["mcnemar"]
    print(
        f"compare: right in {one.name} alone {counts['only_theirs']:,} rows, in {other.name} alone "
        f"{counts['only_ours']:,} (p {counts['p']:.2g})"
    )
    print(f"compare: accuracy of {other.name} against {one.name}: {found['words']}")
