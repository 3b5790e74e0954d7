"""Reads params.yaml and the recipe that it names, and checks both whole.

This room only refuses input. No key of params.yaml has a default, and an absent optional key
of a recipe means "none", so the room does not decide what a stage writes: no stage in dvc.yaml lists it among its deps.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from strata.base.errors import StrataError, did_you_mean, nearest
from strata.settings.params import Params
from strata.settings.recipe import Recipe
from strata.settings.validation_errors import sentence
from strata.settings.yaml_loader import read_yaml


def read_settings(params_path: Path, recipes: Path) -> tuple[Params, Recipe]:
    """Read and check params.yaml and the recipe that it names.

    Raises: StrataError with the file, the key, what was found and what is allowed.
    """
    params = read(params_path, Params)
    return params, check_recipe(params, recipes, str(params_path))


def check_recipe(params: Params, recipes: Path, place: str) -> Recipe:
    """Return the recipe that settings name, when it is there and has the labels that they name.

    place: of the settings, for the sentence. Raises: StrataError.
    """
    path = recipes / f"{params.recipe}.yaml"
    if not path.is_file():
        names = sorted(p.stem for p in recipes.glob("*.yaml") if p.stem != "template")
        near = nearest(params.recipe, names)
        hint = f"did you mean {near}? " if near else ""
        raise StrataError(
            f"{place}: recipe is {params.recipe!r}, but {path} does not exist; {hint}{recipes} holds "
            f"{len(names):,} recipes, and strata recipe FILE writes another"
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


def read(path: Path, model: type[BaseModel]) -> Any:
    """Read one YAML file and check it against a schema. Raises: StrataError."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise StrataError(f"{path}: holds {type(content).__name__}, must be a mapping of keys to values")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise StrataError(f"{path}: {sentence(error, model)}") from None
