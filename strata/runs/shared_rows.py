"""The test rows that two runs share."""

import numpy as np
import pandas as pd

from strata.base.errors import StrataError
from strata.runs.revision import Revision


def shared_rows(one: Revision, other: Revision) -> pd.DataFrame:
    """Return the test rows that both runs have, by id: id, label, and the other columns with _one and _other.

    Raises: StrataError when they cannot be compared: another recipe, source or labels, or no row in common.
    """
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
    rows = one.rows.merge(other.rows, on="id", suffixes=("_one", "_other"), validate="one_to_one").sort_values("id")
    if rows.empty:
        raise StrataError(f"{pair} share no test row; their splits differ: compare runs of one seed and split")
    changed = rows[rows["label_one"] != rows["label_other"]]
    if len(changed):
        raise StrataError(
            f"{pair}: {len(changed):,} of {len(rows):,} shared rows have different labels, the first with id "
            f"{changed['id'].iloc[0]}; the source or the recipe's label rule has changed: compare runs of the same"
        )
    return rows.rename(columns={"label_one": "label"}).drop(columns="label_other")


def units(rows: pd.DataFrame) -> np.ndarray:
    """Return what is drawn together: the second run's clusters or groups, else the first's, else each row alone."""
    columns = [name for name in ("unit_other", "unit_one", "unit") if name in rows]
    return rows[columns[0] if columns else "id"].to_numpy()
