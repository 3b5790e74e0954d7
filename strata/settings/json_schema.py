"""The JSON Schemas of params.yaml and recipes, by which editors complete and check them."""

import json

from strata.settings.params import Params
from strata.settings.recipe import Recipe


def schemas() -> dict[str, str]:
    """Return the JSON Schema of each kind of file, by the name of its own file in this room."""
    return {
        f"{name}.schema.json": json.dumps(model.model_json_schema(), indent=2) + "\n"
        for name, model in (("params", Params), ("recipe", Recipe))
    }
