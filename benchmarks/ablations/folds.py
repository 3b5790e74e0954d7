"""Train on one fold of a set; in a module of its own, so that other processes can import it."""

import importlib.util
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from benchmarks.pipeline import STAGES
from strata.base.files import write_json
from strata.settings.overrides import Overrides, changed
from strata.settings.yaml_loader import read_yaml
from strata.sweeping.trial import Scored, outcome


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run(folder: Path, recipe: str, *stages: str) -> None:
    """Run stages with the command lines of dvc.yaml, in this process: most of a short run would be imports."""
    with inside(folder):
        for stage in stages:
            _, _, module, *argv = shlex.split(STAGES[stage]["cmd"].replace("${recipe}", recipe))
            is_package = importlib.util.find_spec(module).submodule_search_locations
            importlib.import_module(f"{module}.__main__" if is_package else module).main(argv)


def of_fold(folder: Path, recipe: str, overrides: Overrides, fold: int) -> Scored:
    """Train on one fold, in a copy of the folder."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "project"
        shutil.copytree(folder, copy, symlinks=True)
        params = changed(read_yaml(copy / "params.yaml"), overrides | {"split.validation_fold": fold})
        write_json(copy / "params.yaml", params)
        run(copy, recipe, "split", "resample", "tokenize", "adapt", "train")
        return outcome(copy, [])


def joined(parts: list[Scored]) -> Scored:
    """Return the validation rows of all folds, and the compute of all."""
    rows = pd.concat([part.rows.assign(fold=fold) for fold, part in enumerate(parts)]).sort_values("id")
    rows["unit"] = rows.groupby(["fold", "unit"]).ngroup()
    return Scored(rows, parts[0].labels, sum(part.compute for part in parts), [])
