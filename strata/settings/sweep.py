"""The schema of a sweep, sweeps/NAME.yaml: named runs in order, or a search over ranges and choices."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from strata.scoring import LOWER_IS_BETTER, NAMES
from strata.settings.fields import Float, Scalar, Section
from strata.settings.validation_errors import sentence

SECTIONS = ("model", "resample", "tokenize", "adapt", "train")
"""The sections of params.yaml that a search may vary: those that decide a training and leave the validation rows."""

SHIFT = ("resample.strategy", "resample.factors", "resample.counts", "train.class_weights")
"""The keys that shift the prior of a training, and with it the probabilities that it gives on the way."""

Key = Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_0-9]+)*$")]
RunName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
When = Annotated[dict[Key, Scalar | None], Field(min_length=1)]


class Range(Section):
    """Numbers from low to high."""

    low: int | Float = Field(description="The least value.")
    high: int | Float = Field(description="The largest value. If both are whole numbers, only whole numbers are drawn.")
    log: bool = Field(default=False, description="Draw evenly on a log scale; absent: on a linear one.")
    when: When | None = Field(
        default=None,
        description="Other keys of the search and the values that they must have for this one to be drawn; absent: it "
        "always is.",
    )

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @model_validator(mode="after")
    def _is_a_range(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low is {self.low}, must be below high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low}, must be above 0 for a log scale")
        return self


class Choices(Section):
    """Some values, of which one is drawn."""

    choices: Annotated[list[Any], Field(min_length=1)] = Field(description="The values.")
    when: When | None = Field(default=None, description="As for a range.")


def _space(value: Any) -> Any:
    """Return a list of choices as Choices, and a mapping as what its keys say. Raises: ValueError."""
    if isinstance(value, list):
        value = {"choices": value}
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is neither a range, {{low: 1, high: 3}}, nor a list of choices")
    model = Choices if "choices" in value else Range
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ValueError(sentence(error, model)) from None


Space = Annotated[Range | Choices, BeforeValidator(_space, json_schema_input_type=Range | Choices | list[Any])]


def _check_affects_training(place: str, key: str) -> None:
    """Raise ValueError for a key that does not affect training. place: the key's path in the sweep."""
    if key == "model.kind":
        raise ValueError(f"{place}: which kind ships does not affect training; evaluate compares the kinds of a run")


class Scored(Section):
    """How the settings of a sweep are scored, on validation rows."""

    metric: Literal[("loss", *NAMES)] = Field(
        description="Score of the validation rows by which settings are compared; loss is the log loss."
    )
    direction: Literal["maximize", "minimize"] = Field(description="Whether a high or a low score is better.")
    folds: Annotated[int, Field(ge=2, le=20)] | None = Field(
        default=None,
        description="Score each setting by so many folds of the training and validation rows, one training each; "
        "absent or null: by the validation split.",
    )

    @property
    def sign(self) -> int:
        """What a score is multiplied by, so that higher is better."""
        return 1 if self.direction == "maximize" else -1

    @model_validator(mode="after")
    def _direction_is_that_of_the_metric(self) -> "Scored":
        better = "minimize" if self.metric in LOWER_IS_BETTER else "maximize"
        if self.direction != better:
            raise ValueError(f"direction is {self.direction}, must be {better} for {self.metric}")
        return self


class Runs(Scored):
    """A sweep of named runs, in their order."""

    runs: Annotated[dict[RunName, dict[Key, Any]], Field(min_length=1)] = Field(
        description="What each run changes: keys of params.yaml, such as train.lr, and their values; recipe is one."
    )

    @model_validator(mode="after")
    def _check_runs(self) -> "Runs":
        for name, changes in self.runs.items():
            for key in changes:
                _check_affects_training(f"runs.{name}.{key}", key)
        return self


class Search(Scored):
    """A sweep that searches: Optuna draws settings, and learns from the scores of earlier ones."""

    search: Annotated[dict[Key, Space], Field(min_length=1)] = Field(
        description="Keys of params.yaml, such as train.lr, each with its range, {low: 1e-5, high: 5e-5, log: true}, "
        "or its choices, [8, 16, 32]; {choices: [8, 16], when: {train.schedule: cosine}} is drawn only when "
        "train.schedule is cosine."
    )
    sampler: Literal["tpe", "gp", "random", "grid"] = Field(
        description="tpe: tree-structured Parzen estimator, learns from earlier trials. gp: Gaussian process, for few "
        "trials and few keys. random. grid: every combination of choices, in order."
    )
    trials: Annotated[int, Field(ge=1)] | None = Field(
        description="Number of settings to try; null: as many as minutes allow, or all of the grid. May be raised "
        "later."
    )
    minutes: Annotated[Float, Field(gt=0)] | None = Field(
        default=None, description="Time after which no further trial starts, over all calls; absent or null: no limit."
    )
    pruner: Literal["none", "median"] = Field(
        description="median: stop a trial whose best score so far is below the median of the complete ones of earlier "
        "rounds at the same share of the training, or after the same fold, once there are five of them."
    )
    round: int = Field(
        ge=1,
        description="Trials whose settings are drawn together, from the scores of earlier rounds. So many can run side "
        "by side (--jobs), and the result does not depend on how many do.",
    )
    seed: int = Field(ge=0, lt=2**32, description="Seed of the draws.")
    storage: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Address of a database for Optuna, such as postgresql://HOST/NAME; absent or null: a file in "
        "data/sweep/NAME/.",
    )

    @model_validator(mode="after")
    def _can_be_searched(self) -> "Search":
        keys = list(self.search)
        for key, space in self.search.items():
            if key.partition(".")[0] not in SECTIONS:
                raise ValueError(
                    f"search.{key}: a search varies {', '.join(SECTIONS)} only: other keys change the rows that are "
                    "scored, or nothing that is"
                )
            _check_affects_training(f"search.{key}", key)
            if self.sampler == "grid" and isinstance(space, Range):
                raise ValueError(f"search.{key} is a range, and sampler grid needs choices")
            for other, value in (space.when or {}).items():
                if other not in keys[: keys.index(key)]:
                    raise ValueError(f"search.{key} names {other} in its when; name a key of the search above it")
                if isinstance(self.search[other], Range) and not self.search[other].is_whole:
                    raise ValueError(
                        f"search.{key} is drawn only when {other} is {value!r}, but {other} is a range of fractions, "
                        "which almost never gives exactly that; name a key with choices or a range of whole numbers"
                    )
                if not _contains(self.search[other], value):
                    raise ValueError(
                        f"search.{key} is drawn only when {other} is {value!r}, a value that the search never draws; "
                        f"add it to search.{other}, or change when"
                    )
        tried = examples(self.search)
        for key in keys:
            if not any(key in settings for settings in tried):
                raise ValueError(
                    f"search.{key} is never drawn: the values in its when never occur together; change one of them"
                )
        shifted = [key for key in keys if key in SHIFT]
        if shifted and self.pruner == "median" and not self.folds:
            raise ValueError(
                f"pruner is median, which would compare scores on the way that {shifted[0]} shifts; set pruner: none, "
                "or folds, whose scores are corrected"
            )
        if self.trials is None and self.minutes is None and self.sampler != "grid":
            raise ValueError("trials and minutes are both null; set one of them")
        return self


Sweep = Runs | Search


def combinations(search: dict[str, Range | Choices]) -> list[dict[str, Any]]:
    """Return every combination of choices, in order. A key whose condition does not hold is absent from it."""
    combined: list[dict[str, Any]] = [{}]
    for key, space in search.items():
        combined = [
            values | drawn
            for values in combined
            for drawn in ([{key: choice} for choice in space.choices] if is_drawn(space, values) else [{}])
        ]
    return combined


def is_drawn(space: Range | Choices, values: dict[str, Any]) -> bool:
    """Whether a key is drawn beside these values of the keys above it."""
    return all(other in values and values[other] == value for other, value in (space.when or {}).items())


def _contains(space: Range | Choices, value: Any) -> bool:
    """Whether a range or choices contain a value."""
    if isinstance(space, Choices):
        return value in space.choices
    return isinstance(value, int | float) and space.low <= value <= space.high


def examples(search: dict[str, Range | Choices]) -> list[dict[str, Any]]:
    """Return settings in which every choice and both ends of every range occur; other keys have their first value."""
    ends = {
        key: [space.low, space.high] if isinstance(space, Range) else space.choices for key, space in search.items()
    }

    def complete(wanted: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, space in search.items():
            if is_drawn(space, values):
                values[key] = wanted.get(key, ends[key][0])
        return values

    def conditions(key: str) -> dict[str, Any]:
        wanted = search[key].when or {}
        return {name: value for other in wanted for name, value in conditions(other).items()} | wanted

    return [complete(conditions(key) | {key: value}) for key in search for value in ends[key]]
