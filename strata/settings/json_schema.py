"""The JSON Schemas of params.yaml, recipes and sweeps, by which editors complete and check them."""

import json

from pydantic import TypeAdapter

from strata.settings.params import Params
from strata.settings.recipe import Recipe
from strata.settings.sweep import Sweep


def schemas() -> dict[str, str]:
    """Return the JSON Schema of each kind of file, by the name of its own file in this room."""
    return {
        f"{name}.schema.json": json.dumps(TypeAdapter(model).json_schema(), indent=2) + "\n"
        for name, model in (("params", Params), ("recipe", Recipe), ("sweep", Sweep))
    }
