"""The types of fields that params.yaml and recipes share."""

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


ByLabel = BeforeValidator(
    _by_label,
    json_schema_input_type=dict[str, float] | Annotated[list[str], Field(description="such as 'R&D: 2'")] | None,
)
"""Before the type of a mapping from label to number: takes a list of strings, and null for none, as well."""

Float = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Share = Annotated[Float, Field(ge=0, le=1)]
Scalar = str | int | float | bool
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Section(BaseModel):
    """A mapping in YAML: unknown keys are refused, and no type is converted to another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
