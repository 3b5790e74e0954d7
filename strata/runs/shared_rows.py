"""The test rows that several runs share."""

from functools import reduce

import numpy as np
import pandas as pd

from strata.base.errors import StrataError
from strata.runs.revision import Revision


def shared_rows(first: Revision, *others: Revision) -> list[pd.DataFrame]:
    """Return of each run the test rows that all runs have, in order of id.

    Raises: StrataError when they cannot be compared: another recipe, source or labels, or no row in common.
    """
    for run in others:
        _check_data(first, run)
    tables = [run.rows.set_index("id") for run in (first, *others)]
    ids = reduce(np.intersect1d, [np.sort(table.index.to_numpy()) for table in tables])
    if not len(ids):
        names = [run.name for run in (first, *others)]
        raise StrataError(
            f"{' and '.join([', '.join(names[:-1]), names[-1]])} share no test row; their splits differ: compare runs "
            "of one seed and split"
        )
    tables = [table.reindex(ids).reset_index() for table in tables]  # raises where an id occurs twice
    for run, table in zip(others, tables[1:], strict=True):
        changed = table.loc[table["label"] != tables[0]["label"], "id"]
        if len(changed):
            raise StrataError(
                f"{first.name} and {run.name}: {len(changed):,} of {len(ids):,} shared rows have different labels, the "
                f"first with id {changed.iloc[0]}; the source or the recipe's label rule has changed: compare runs of "
                "the same"
            )
    return tables


def _check_data(one: Revision, other: Revision) -> None:
    """Check that two runs have one recipe, source and list of labels. Raises: StrataError."""
    pair = f"{one.name} and {other.name}"
    if one.recipe != other.recipe:
        raise StrataError(f"{pair} have recipes {one.recipe} and {other.recipe}; compare runs of one recipe")
    if one.source != other.source:
        raise StrataError(
            f"{pair}: recipes/{one.recipe}.yaml names other sources, so ids refer to different rows; compare "
            "runs of one source"
        )
    if one.labels != other.labels:
        labels = [f"{', '.join(run.labels.names)} (positive: {run.labels.positive})" for run in (one, other)]
        raise StrataError(
            f"{pair} have labels {labels[0]} and {labels[1]}; compare runs of the same labels, in one order"
        )


def units(*tables: pd.DataFrame) -> np.ndarray:
    """Return what is drawn together: clusters or groups of the first table that has them, else each row alone."""
    return next((table["unit"] for table in tables if "unit" in table), tables[0]["id"]).to_numpy()
