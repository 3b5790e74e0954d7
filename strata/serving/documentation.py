"""OpenAPI of a server: openapi.json with its limits, its models and the columns that they read."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from strata.serving.access import OPEN
from strata.serving.models import Model
from strata.serving.service import Service

KEYED = {"key": {"type": "http", "scheme": "bearer", "description": "the key of --key-file or STRATA_API_KEY"}}


@cache
def _document() -> dict:
    return json.loads(Path(__file__).with_name("openapi.json").read_text(encoding="utf-8"))


def openapi(service: Service, has_key: bool) -> dict:
    """Return the document of a server as it is now. has_key: whether clients have to send one."""
    document = copy.deepcopy(_document())
    components = document["components"]
    schemas, limits = components["schemas"], service.limits
    schemas["Texts"]["properties"]["texts"]["anyOf"][-1]["maxItems"] = limits.texts
    columns = list(dict.fromkeys(name for model in service.models for name in model.predictor.preparation.text))
    schemas["Row"] |= {"required": columns, "example": dict.fromkeys(columns, "a warm, funny film")}
    components["parameters"]["Name"]["schema"]["enum"] = service.models.names
    components["parameters"]["Name"]["example"] = service.models.default
    if has_key:
        components["securitySchemes"] = KEYED
        for operation in _keyed(document["paths"]):
            operation["security"] = [{"key": []}]
            operation["responses"]["401"] = {"$ref": "#/components/responses/NoKey"}
    return document


def _keyed(paths: dict) -> Iterator[dict]:
    """Yield the operations that need a key, where one is needed."""
    for path, item in paths.items():
        if path not in OPEN:
            yield from (operation for method, operation in item.items() if method != "parameters")


def described(model: Model) -> dict:
    """Return what /models says of a model."""
    return {
        "name": model.name,
        "version": model.version,
        "labels": model.predictor.labels,
        "columns": model.predictor.preparation.columns,
    }
