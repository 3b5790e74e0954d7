"""The types of fields that params.yaml and recipes share."""

import os
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from strata.settings.yaml_loader import parse_yaml


def _number(value: Any) -> Any:
    """Return the number that a string holds, as after -S "train.lr='3e-5'", or the value as it is."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _by_label(value: Any) -> Any:
    """Return {label: number} of null, of a list such as ["R&D: 2", "NA: 0.5"], or of a mapping.

    A list takes every name on DVC's command line (-S), where a mapping takes plain ones only.
    """
    if value is None:
        return {}
    if not isinstance(value, list):
        return value
    numbers: dict[str, Any] = {}
    for entry in value:
        label, colon, number = entry.rpartition(":") if isinstance(entry, str) else ("", "", "")
        if not colon:
            raise ValueError(f"{entry!r} is not 'LABEL: NUMBER', such as 'R&D: 2'")
        if label.strip() in numbers:
            raise ValueError(f"the label {label.strip()!r} is given twice")
        numbers[label.strip()] = parse_yaml(number)
    return numbers


def _folders(value: Any) -> Any:
    """Return the list of one folder, or the empty list of null; a list as it is, if it names folders, each once."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if value == []:
        raise ValueError("is an empty list; name a folder, or write null for none")
    if isinstance(value, list):
        places = [os.path.normpath(folder) for folder in value if isinstance(folder, str) and folder]
        if twice := [place for i, place in enumerate(places) if place in places[:i]]:
            raise ValueError(f"names {twice[0]} twice; name each folder once")
    return value


ByLabel = BeforeValidator(
    _by_label,
    json_schema_input_type=dict[str, float] | Annotated[list[str], Field(description="such as 'R&D: 2'")] | None,
)
"""Before the type of a mapping from label to number: takes a list of strings, and null for none, as well."""

Folder = Annotated[str, Field(min_length=1)]
Folders = Annotated[
    list[Folder],
    BeforeValidator(_folders, json_schema_input_type=Folder | Annotated[list[Folder], Field(min_length=1)] | None),
]
"""A list of folders, each once; takes one folder as a string, and null for none, as well."""

Float = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Share = Annotated[Float, Field(ge=0, le=1)]
Scalar = str | int | float | bool
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Section(BaseModel):
    """A mapping in YAML: unknown keys are refused, and no type is converted to another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
