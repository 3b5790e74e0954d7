"""The schema of a sweep's answer, plots/sweep/NAME/answer.json: `strata sweep` writes it, and report reads it."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from strata.base.errors import StrataError
from strata.settings.fields import Float, Section
from strata.settings.sweep import Scored
from strata.settings.validation_errors import sentence


class Tried(Section):
    """A setting that was scored."""

    trial: str = Field(description="Its name.")
    score: Float = Field(description="On validation rows.")
    compute: Float = Field(description="Floating-point operations of its training.")
    settings: dict[str, Any] = Field(description="What it changes: keys of params.yaml, and their values.")


class SweepAnswer(Scored):
    """What came of a sweep, and how it was scored."""

    recipe: str = Field(description="The dataset.")
    rows: int = Field(ge=1, description="Validation rows, all folds together.")
    trials: dict[str, int] = Field(description="Number of trials by how they ended.")
    compared: int = Field(ge=1, description="Number of trials that were compared: complete, and on the same rows.")
    best: Tried
    promised: Float | None = Field(description="What the best score is expected to be on new rows; null: unknown.")
    shrinkage: Float | None = Field(description="By which the best score is expected to fall there.")
    shrinkage_error: Float | None = Field(description="Its standard error.")
    cheapest: Tried
    tied: Annotated[list[Tried], Field(min_length=1)] = Field(
        description="Settings that cannot be distinguished from the best, which comes first."
    )
    importances: dict[str, Float] = Field(description="Share of the scores' spread that each key explains.")


def again(path: Path) -> str:
    """Return what to do about a file of a sweep that cannot be read."""
    return f"write it again: strata sweep {path.parent.name} --report, or git restore {path}"


def read_answer(path: Path) -> SweepAnswer:
    """Read and check one answer. Raises: StrataError."""
    try:
        return SweepAnswer.model_validate_json(path.read_bytes())
    except OSError as error:
        raise StrataError(f"{path}: cannot be read ({error.strerror}); {again(path)}") from None
    except ValidationError as error:
        broken = next((one["msg"] for one in error.errors() if one["type"] == "json_invalid"), None)
        raise StrataError(f"{path}: {broken or sentence(error, SweepAnswer).rstrip('.')}; {again(path)}") from None
