"""The schema of a recipe: where a dataset is, and what its columns and labels mean."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from strata.expression import refusal
from strata.label_rules import RULE
from strata.reading import formats
from strata.settings.fields import Scalar, Section
from strata.text.cleaning import STEPS

Address = Annotated[str, Field(min_length=1)]
Step = Literal[tuple(STEPS)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$|^multilingual$")]


class Source(Section):
    """Where the rows come from."""

    train: Address | Annotated[list[Address], Field(min_length=1)] = Field(
        description="A file or glob in data/raw/RECIPE/, package://NAME@VERSION/FILE inside an installed package, "
        "hub://OWNER/NAME@COMMIT/GLOB in a dataset on the Hugging Face Hub, https://HOST/FILE#sha256=HEX, or a list of "
        f"these. Formats: {formats.ALLOWED}."
    )
    test: Address | Annotated[list[Address], Field(min_length=1)] | None = Field(
        default=None, description="A ready-made test file, which stays the test split; absent or null: split one off."
    )
    encoding: str | None = Field(
        default=None,
        description="Encoding of text files, such as cp1250, as Python names it; absent or null: detected in each "
        "file.",
    )

    @model_validator(mode="after")
    def _encoding_is_known(self) -> "Source":
        try:
            "".encode(self.encoding or "utf-8")
        except LookupError:
            raise ValueError(f"encoding is {self.encoding!r}, must be one that Python knows, such as cp1250") from None
        return self


class Dated(Section):
    """A column of dates in one format."""

    column: str = Field(min_length=1, description="The column's name.")
    format: str = Field(min_length=1, description="As strptime takes it, such as %d/%m/%Y.")


class LabelOf(Section):
    """A label column whose values hold several labels."""

    column: str = Field(min_length=1, description="The column's name.")
    split: str = Field(min_length=1, description="list for values such as ['a', 'b'], else the labels' separator.")
    has: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="A label: the value is true where it is among the row's labels, else false. Absent or null: the "
        "value is the first label.",
    )


class Columns(Section):
    """The source's column names."""

    text: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)] = Field(
        description="Column that holds the text, or a list of columns whose texts are joined by a space."
    )
    label: Annotated[str, Field(min_length=1)] | LabelOf | Annotated[list[str], Field(min_length=2)] = Field(
        description="Column that holds the label; a list of columns of 0 and 1 (or false and true), one of which is "
        "set in each row: its name is the value; or, where values hold several labels, {column: label, split: ','} for "
        "the first of them and {column: label, split: list, has: spam} for true and false."
    )
    group: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Column whose rows of one value stay in one split, such as an author; absent or null: none.",
    )
    date: Annotated[str, Field(min_length=1)] | Dated | None = Field(
        default=None,
        description="Column of dates, for split.by date: ISO 8601, a year, seconds since 1970, or with the month's "
        "name; for another format {column: when, format: '%d/%m/%Y'}. Absent or null: none.",
    )


class Keep(Section):
    """Rows to keep; an absent key keeps all. The filters apply in the order of these keys."""

    equal: dict[str, Scalar | list[Scalar]] = Field(
        default={}, description="Column to the value, or the list of values, that its rows must have."
    )
    top: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default={},
        description="Column to N: keep the rows with one of its N most frequent values, counted over the training rows "
        "that `equal` keeps.",
    )
    where: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="An expression on the source's columns as DataFrame.query takes it, such as 'season >= 2 and "
        "rating != 5' or 'title.str.len() > 3', about one row at a time. A column that holds only numbers is compared "
        "as numbers, one of only true and false as booleans; a comparison with a missing value is false.",
    )
    min_words: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Fewest words of a cleaned text.")
    max_words: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Most words of a cleaned text.")
    min_characters: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Fewest characters of a cleaned text."
    )
    max_characters: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Most characters of a cleaned text."
    )

    @model_validator(mode="after")
    def _where_compares(self) -> "Keep":
        if self.where and (reason := refusal(self.where)):
            raise ValueError(f"where: {reason}")
        return self


class FirstOf(Section):
    """A column of several values in one cell."""

    column: str = Field(min_length=1, description="The column's name.")
    split: str = Field(min_length=1, description="Separator of the values in a cell; the first value is taken.")


class Recipe(Section):
    """One dataset: where it is, and what its columns and labels mean."""

    source: Source
    columns: Columns
    labels: dict[Annotated[str, Field(min_length=1)], Scalar | Annotated[list[Scalar], Field(min_length=1)]] = Field(
        min_length=2,
        description='Label names in id order, each with the source values it stands for: a value, a list, "*" for all '
        'the rest, or a rule on numbers such as ">= 7".',
    )
    positive: str | None = Field(
        description="The positive label of two, which precision, recall and F1 are about; null with more labels."
    )
    keep: Keep
    clean: list[Step] = Field(description="Cleaning steps, applied in this order.")
    annotate: list[Annotated[str, Field(min_length=1)] | FirstOf] = Field(
        description="Columns whose value is appended to the text as one special token, such as <director=Ken Kwapis>, "
        "which tokenize adds to the vocabulary; {column: writer, split: ';'} takes the first of several values. The "
        "tokens are at the end, so if tokenize.window is head, they are cut off from texts longer than max_length.",
    )
    sample: Annotated[int, Field(ge=1)] | None = Field(
        description="Most rows to keep, drawn with the seed, each label at its own share; null: all."
    )

    license: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")] | None = Field(
        default=None,
        description="Licence of the model, for its card, as the Hugging Face Hub names it, such as apache-2.0, "
        "cc-by-4.0 or other; absent or null: not stated.",
    )
    language: Language | Annotated[list[Language], Field(min_length=1)] | None = Field(
        default=None,
        description="Language of the texts, for the model's card, as an ISO 639 code such as en or zh, or a list; "
        "absent or null: not stated.",
    )

    @property
    def text_columns(self) -> list[str]:
        """The columns whose texts are joined."""
        return [self.columns.text] if isinstance(self.columns.text, str) else self.columns.text

    @property
    def annotated_columns(self) -> list[tuple[str, str | None]]:
        """The columns of `annotate`, each with the separator of its values."""
        return [(entry, None) if isinstance(entry, str) else (entry.column, entry.split) for entry in self.annotate]

    @model_validator(mode="after")
    def _rules_are_rules(self) -> "Recipe":
        for name, values in self.labels.items():
            alone = not isinstance(values, list)
            for value in [values] if alone else values:
                is_rule = isinstance(value, str) and RULE.fullmatch(value) is not None
                looks_so = isinstance(value, str) and value.strip()[:1] in ("<", ">", "=", "!")
                if alone and looks_so and not is_rule:
                    raise ValueError(
                        f"labels.{name} is {value!r}, not a rule such as '<= 4' or '> -0.5'; for this literal text, "
                        f"write [{value!r}]"
                    )
                if not alone and is_rule and len(values) > 1:
                    raise ValueError(f"labels.{name} has the rule {value!r} in a list; a rule stands alone")
        return self

    @model_validator(mode="after")
    def _positive_is_one_of_two(self) -> "Recipe":
        names = list(self.labels)
        if len(names) == 2 and self.positive not in names:
            raise ValueError(f"positive is {self.positive!r}, must be one of the two labels: {', '.join(names)}")
        if len(names) > 2 and self.positive is not None:
            raise ValueError(f"positive is {self.positive!r}, must be null with {len(names)} labels")
        return self
