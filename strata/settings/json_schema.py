"""The JSON Schemas of params.yaml and recipes, which editors complete and check by."""

import json

from strata.settings.params import Params
from strata.settings.recipe import Recipe


def schemas() -> dict[str, str]:
    """The JSON Schema of each file, by the name that it is committed under."""
    return {
        f"{name}.schema.json": json.dumps(model.model_json_schema(), indent=2) + "\n"
        for name, model in (("params", Params), ("recipe", Recipe))
    }
