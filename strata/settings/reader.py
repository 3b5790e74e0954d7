"""Reads params.yaml and the recipe that it names, and checks both whole.

This room only refuses input. No key of params.yaml has a default, and an absent optional key
of a recipe means "none", so the room does not decide what a stage writes: no stage in dvc.yaml lists it among its deps.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from strata.base.errors import StrataError, did_you_mean
from strata.settings.overrides import changed, check_keys
from strata.settings.params import Params
from strata.settings.recipe import Recipe
from strata.settings.sentences import sentence
from strata.settings.sweep import Runs, Search, Sweep, examples
from strata.settings.yaml_loader import read_yaml


def read_settings(params_path: Path, recipes: Path) -> tuple[Params, Recipe]:
    """Read and check params.yaml and the recipe that it names.

    Raises: StrataError with the file, the key, what was found and what is allowed.
    """
    params = read(params_path, Params)
    return params, _check_recipe(params, recipes, str(params_path))


def _check_recipe(params: Params, recipes: Path, place: str) -> Recipe:
    """Return the recipe that settings name, when it is there and has the labels that they name.

    place: of the settings, for the sentence. Raises: StrataError.
    """
    path = recipes / f"{params.recipe}.yaml"
    if not path.is_file():
        names = sorted(p.stem for p in recipes.glob("*.yaml"))
        raise StrataError(
            f"{place}: recipe is {params.recipe!r}, but {path} does not exist{did_you_mean(params.recipe, names)}"
        )
    recipe = read(path, Recipe)
    labels = list(recipe.labels)
    named = {"resample.factors": params.resample.factors, "resample.counts": params.resample.counts}
    if isinstance(params.train.class_weights, dict):
        named["train.class_weights"] = params.train.class_weights
    for key, numbers in named.items():
        for name in numbers:
            if name not in labels:
                raise StrataError(
                    f"{place}: {key} names the label {name!r}, which is not in {path}{did_you_mean(name, labels)}"
                )
        missing = [name for name in labels if name not in numbers]
        if numbers and missing:
            raise StrataError(f"{place}: {key} lacks {', '.join(missing)}: every label of {path} needs a number")
    return recipe


def read_sweep(path: Path, params_path: Path, recipes: Path) -> Sweep:
    """Read a sweep, and check it against params.yaml: every key is known, every value allowed.

    Raises: StrataError with the file, the key, what was found and what is allowed.
    """
    if not path.is_file():
        names = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise StrataError(f"{path}: no such file{did_you_mean(path.stem, names) or '; write one, see docs/sweeps.md'}")
    content = read_yaml(path)
    kinds = [kind for kind in ("runs", "search") if isinstance(content, dict) and kind in content]
    if len(kinds) != 1:
        raise StrataError(f"{path}: has {' and '.join(kinds) or 'neither runs nor search'}; a sweep has one of them")
    sweep = read(path, Runs if kinds == ["runs"] else Search)
    params = read_yaml(params_path)
    settings = sweep.runs if isinstance(sweep, Runs) else dict(enumerate(examples(sweep.search)))
    for name, overrides in settings.items():
        place = f"{path}: {kinds[0]}{f'.{name}' if isinstance(sweep, Runs) else ''}"
        check_keys(overrides, params, place)
        try:
            changed_params = Params.model_validate(changed(params, overrides))
        except ValidationError as error:
            raise StrataError(f"{place}: {sentence(error, Params)}") from None
        _check_recipe(changed_params, recipes, place)
    return sweep


def read(path: Path, model: type[BaseModel]) -> Any:
    """Read one YAML file and check it against a schema. Raises: StrataError."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise StrataError(f"{path}: holds {type(content).__name__}, must be a mapping of keys to values")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise StrataError(f"{path}: {sentence(error, model)}") from None
