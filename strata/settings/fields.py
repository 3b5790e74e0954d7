"""The types of fields that params.yaml and recipes share."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _number(value: Any) -> Any:
    """Return the number that a string holds, as after -S "train.lr='3e-5'", or the value as it is."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


Float = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Share = Annotated[Float, Field(ge=0, le=1)]
Scalar = str | int | float | bool
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Section(BaseModel):
    """A mapping in YAML: unknown keys are refused, and no type is converted to another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
