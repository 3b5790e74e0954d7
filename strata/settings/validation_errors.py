"""A validation error of pydantic as one sentence, which names the key and the nearest valid one."""

from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from strata.base.errors import did_you_mean


def sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first error as a sentence: the key, its value, and what is allowed."""
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a typo also leaves its key missing
    keys = [str(key) for key in first["loc"]]
    section, field, depth = _place(model, keys)
    key = ".".join(keys[:depth])
    if first["type"] == "extra_forbidden":
        near = did_you_mean(keys[-1], list(section.model_fields), prefix="".join(f"{k}." for k in keys[:-1]))
        return f"unknown key {'.'.join(keys)}{near}"
    about = f"; {field.description}" if field and field.description else ""
    if first["type"] == "missing":
        return f"{'.'.join(keys)} is missing{about}"
    problem = first["msg"].removeprefix("Value error, ")
    if keys[-1:] == ["[key]"]:  # pydantic's mark: the value at fault is a key
        return f"{'.'.join(keys[:-2])}: the key {first['input']!r}: {problem[0].lower() + problem[1:]}"
    if first["type"] == "value_error":
        return f"{key}: {problem}" if key else problem
    value = first["input"]
    return f"{key} is {value!r} ({type(value).__name__}): {problem[0].lower() + problem[1:]}{about}"


def _place(model: type[BaseModel], keys: list[str]) -> tuple[type[BaseModel], Any, int]:
    """Return the innermost section on the way along `keys`, the field there, and how many keys belong to the file.

    What pydantic appends after a field with several types (`str`, `list[str]`) is not a key of the file.
    """
    field = None
    for depth, key in enumerate(keys):
        if key not in model.model_fields:
            return model, field, depth
        field = model.model_fields[key]
        if get_origin(field.annotation) is dict:  # its keys come from the file, such as those of a sweep's search
            return model, field, min(depth + 2, len(keys))
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return model, field, depth + 1
        model = field.annotation
    return model, field, len(keys)
