"""Reads a sweep, and checks it against params.yaml."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from strata.base.errors import StrataError, did_you_mean
from strata.settings.overrides import Overrides, changed, check_keys
from strata.settings.params import Params
from strata.settings.reader import check_recipe, read
from strata.settings.sweep import Runs, Search, Sweep, examples
from strata.settings.validation_errors import sentence
from strata.settings.yaml_loader import read_yaml


def read_sweep(path: Path) -> Sweep:
    """Read a sweep. Raises: StrataError with the file, the key, what was found and what is allowed."""
    if not path.is_file():
        names = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise StrataError(f"{path}: no such file{did_you_mean(path.stem, names) or '; write one, see docs/sweeps.md'}")
    content = read_yaml(path)
    kinds = [kind for kind in ("runs", "search") if isinstance(content, dict) and kind in content]
    if len(kinds) != 1:
        raise StrataError(f"{path}: has {' and '.join(kinds) or 'neither runs nor search'}; a sweep has one of them")
    return read(path, Runs if kinds == ["runs"] else Search)


def check_sweep(sweep: Sweep, path: Path, params: dict[str, Any], recipes: Path) -> None:
    """Check a sweep against params.yaml: every key is known, every value allowed.

    path: of the sweep. params: the content of params.yaml. recipes: their folder. Raises: StrataError as `read_sweep`.
    """
    check_names(sweep, path, params)
    for place, overrides in _tried(sweep, path):
        check_recipe(checked(params, overrides, place), recipes, place)
        if sweep.folds:
            folds = {"split.validation_folds": sweep.folds, "split.validation_fold": 0}
            checked(params, overrides | folds, f"{path}: folds is {sweep.folds}, which does not fit the settings")


def check_names(sweep: Sweep, path: Path, params: dict[str, Any]) -> None:
    """Check that every key of a sweep is known. Arguments and errors: as `check_sweep`."""
    for place, overrides in _tried(sweep, path):
        check_keys(overrides, params, place)


def _tried(sweep: Sweep, path: Path) -> list[tuple[str, Overrides]]:
    """Return the overrides of each run, or examples of what a search draws, each with its place in the file."""
    if isinstance(sweep, Runs):
        return [(f"{path}: runs.{name}", overrides) for name, overrides in sweep.runs.items()]
    return [(f"{path}: search", overrides) for overrides in examples(sweep.search)]


def checked(params: dict[str, Any], overrides: Overrides, place: str) -> Params:
    """Return the settings of params.yaml with these overrides. Raises: StrataError. params: the content of params.yaml.

    place: of the overrides, for the sentence.
    """
    try:
        return Params.model_validate(changed(params, overrides))
    except ValidationError as error:
        raise StrataError(f"{place}: {sentence(error, Params)}") from None
