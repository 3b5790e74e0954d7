"""The folds of one cross-validation: runs that differ in split.fold alone, and their test rows together."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from strata.base.errors import StrataError
from strata.runs.revision import Revision, load, settings


class Folds(NamedTuple):
    """Runs by fold, and how many folds there are in all."""

    runs: dict[int, Revision]
    of: int

    @property
    def missing(self) -> list[int]:
        """The folds that no run has."""
        return [fold for fold in range(self.of) if fold not in self.runs]

    @property
    def rows(self) -> pd.DataFrame:
        """All test rows: id, label, prediction, probabilities, fold, and unit, a number for each fold's units."""
        rows = pd.concat([run.rows.assign(fold=fold) for fold, run in self.runs.items()], ignore_index=True)
        drawn_together = "unit" if "unit" in rows else "id"
        return rows.assign(unit=rows.groupby(["fold", drawn_together], sort=True).ngroup())


def experiments(project: Path) -> list[str]:
    """Return the names of DVC's experiments on the last commit, sorted. Raises: StrataError when DVC cannot tell."""
    # takes a second
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from scmrepo.exceptions import SCMError

    try:
        with Repo(str(project)) as repo:
            listed = repo.experiments.ls()
    except (DvcException, SCMError) as error:
        raise StrataError(
            f"{project.resolve()}: the experiments cannot be listed ({error}); run dvc exp list there to see why"
        ) from None
    return sorted(name for found in listed.values() for name, *_ in found if name)


def read_folds(project: Path, names: list[str]) -> Folds:
    """Read the runs of these names and check that they are folds of one cross-validation.

    names: of Git revisions, DVC experiments or the workspace; without any, the experiments on the last commit that set
    split.folds. Raises: StrataError when they are not, or a file is missing or broken.
    """
    params = {name: settings(project, name) for name in names or experiments(project)}
    if not names:
        params = {name: content for name, content in params.items() if section(content).get("folds")}
    if not params:
        raise StrataError(
            "no experiment on the last commit sets split.folds; run the folds first: dvc exp run --queue -S "
            "split.folds=5 -S 'split.fold=range(5)' && dvc exp run --run-all"
        )
    check_settings(params)
    by_fold = {section(content)["fold"]: name for name, content in params.items()}
    runs = {fold: load(project, by_fold[fold]) for fold in sorted(by_fold)}
    check_rows(runs)
    return Folds(runs, section(next(iter(params.values())))["folds"])


def section(content: dict) -> dict:
    """Return the section split of params.yaml."""
    found = content.get("split")
    return found if isinstance(found, dict) else {}


def check_settings(params: dict[str, dict]) -> None:
    """Check that runs, by name, differ in nothing but their fold. Raises: StrataError."""
    first, *others = params
    for name, content in params.items():
        if not section(content).get("folds"):
            raise StrataError(f"{name}: split.folds is null, so it is not a fold of a cross-validation; name others")
    for name in others:
        if differing := different_keys(without_fold(params[first]), without_fold(params[name])):
            raise StrataError(
                f"{first} and {name} differ in {', '.join(differing)}, not in split.fold alone; name the experiments "
                "of one cross-validation: strata folds NAME NAME ..."
            )
    fold_of: dict[Any, str] = {}
    for name, content in params.items():
        fold = section(content)["fold"]
        if fold in fold_of:
            raise StrataError(f"{fold_of[fold]} and {name} are both fold {fold}; name one experiment for each fold")
        fold_of[fold] = name


def without_fold(content: dict) -> dict:
    """Return settings without split.fold, and without what no stage's output depends on."""
    kept = {key: value for key, value in content.items() if key not in ("snapshots", "watch")}
    return kept | {"split": {key: value for key, value in section(content).items() if key != "fold"}}


def different_keys(one: Any, other: Any, place: str = "") -> list[str]:
    """Return the keys, with dots between the levels, whose values differ."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return [] if json.dumps(one) == json.dumps(other) else [place]
    keys = dict.fromkeys([*one, *other])
    return [
        found for key in keys for found in different_keys(one.get(key), other.get(key), f"{place}.{key}".lstrip("."))
    ]


def check_rows(runs: dict[int, Revision]) -> None:
    """Check that folds share recipe, source and labels, and no test row. Raises: StrataError."""
    (_, first), *others = runs.items()
    for _, run in others:
        if (run.recipe, run.source, run.labels) != (first.recipe, first.source, first.labels):
            raise StrataError(
                f"{first.name} and {run.name} have another recipe, source or labels; name folds of one data set"
            )
    ids = np.concatenate([run.rows["id"].to_numpy() for run in runs.values()])
    values, counts = np.unique(ids, return_counts=True)
    if len(shared := values[counts > 1]):
        raise StrataError(
            f"{len(shared):,} rows are test rows of more than one fold, the first with id {shared[0]}; name folds "
            "of one split, with one seed"
        )
