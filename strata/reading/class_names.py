"""The names that Hugging Face's ClassLabel keeps in a schema's metadata, instead of the ids that the column holds.

https://huggingface.co/docs/datasets/about_dataset_features: -1 stands for a missing label.
"""

import json
from typing import Any

import pyarrow as pa

KEY = b"huggingface"
MISSING = -1


def class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the names of each column of ids, or of lists of ids, in id order."""
    try:
        features = json.loads((schema.metadata or {})[KEY])["info"]["features"]
        names = {column: _names(feature) for column, feature in features.items()}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    present = set(schema.names)
    return {column: found for column, found in names.items() if found and column in present and len(set(found)) > 1}


def _names(feature: Any) -> list[str] | None:
    if isinstance(feature, list):  # a list of one feature is a list of its values
        return _names(feature[0]) if len(feature) == 1 else None
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        return list(map(str, names)) if isinstance(names, list) else None
    if feature.get("_type") in ("Sequence", "List", "LargeList"):
        return _names(feature["feature"])
    return None


def named(column: pa.Array, names: list[str]) -> tuple[pa.Array, dict[int, str]]:
    """Return a column of ids, or of lists of ids, as names, and why rows are rejected, by position.

    A column of another type is returned as it is.
    """
    kind = column.type.value_type if _is_list(column.type) else column.type
    if not pa.types.is_integer(kind):
        return column, {}
    values, reasons = column.to_pylist(), {}
    for i, value in enumerate(values):
        ids = value if isinstance(value, list) else [value]
        odd = [id_ for id_ in ids if id_ is not None and not MISSING <= id_ < len(names)]
        if odd:
            reasons[i] = f"the label id {odd[0]}, where names are given for 0 to {len(names) - 1}"
            values[i] = None
        elif isinstance(value, list):
            values[i] = [names[id_] for id_ in ids if id_ not in (None, MISSING)]
        else:
            values[i] = None if value in (None, MISSING) else names[value]
    type_ = pa.list_(pa.string()) if _is_list(column.type) else pa.string()
    return pa.array(values, type_), reasons


def _is_list(type_: pa.DataType) -> bool:
    return pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
