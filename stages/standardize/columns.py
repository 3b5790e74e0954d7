"""The source's columns that a recipe names."""

from pathlib import Path

from stages.standardize.label_column import label_columns
from strata.base import tables
from strata.base.errors import StrataError, did_you_mean
from strata.base.tables import PLACE
from strata.expression import columns_in
from strata.settings.recipe import Columns, Recipe


def named_columns(path: Path, recipe: Recipe) -> list[str]:
    """Return the columns that the recipe names, and those that say where each row comes from.

    Raises: StrataError on the first column that the table lacks.
    """
    present = [name for name in tables.column_names(path) if name not in PLACE]
    columns, keep = recipe.columns, recipe.keep
    named = [("columns.text", name) for name in recipe.text_columns]
    named += [("columns.label", name) for name in label_columns(columns)]
    named += [("columns.group", columns.group)] if columns.group else []
    named += [("columns.date", date_column(columns)[0])] if columns.date else []
    named += [(f"keep.equal.{name}", name) for name in keep.equal]
    named += [(f"keep.top.{name}", name) for name in keep.top]
    named += [("annotate", name) for name, _ in recipe.annotated_columns]
    for key, name in named:
        if name not in present:
            hint = did_you_mean(name, present)
            raise StrataError(f"{path}: no column {name!r}, which the recipe's {key} names{hint}")
    compared = columns_in(keep.where, present) if keep.where else []
    if keep.where and not compared:
        raise StrataError(f"{path}: keep.where {keep.where!r} names no column; columns: {', '.join(present)}")
    return list(dict.fromkeys([*(name for _, name in named), *compared, *PLACE]))


def date_column(columns: Columns) -> tuple[str, str | None]:
    """Return the name of the date's column, and its format if the recipe has one."""
    return (columns.date, None) if isinstance(columns.date, str) else (columns.date.column, columns.date.format)


def attribute_columns(recipe: Recipe) -> dict[str, str | None]:
    """Return the columns by which scores can be sliced: name to the separator of several values in a cell, or None.

    These are the columns of `annotate`, of `keep.equal` where it lists several values, and of `keep.top`. The group is
    left out, since every row has it in a column of its own.
    """
    columns = dict(recipe.annotated_columns)
    several = [name for name, values in recipe.keep.equal.items() if isinstance(values, list) and len(values) > 1]
    columns |= {name: None for name in [*several, *recipe.keep.top] if name not in columns}
    return {name: split for name, split in columns.items() if name != recipe.columns.group}
