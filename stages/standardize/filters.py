"""Which rows of the source are kept: by value, by rank, by sample."""

import numpy as np
import pandas as pd

from stages.shared import params
from stages.standardize.label_rules import canonical


def top_values(raw: pd.DataFrame, keep: params.Keep) -> dict[str, list[str]]:
    """Find the most frequent values that `keep.top` asks for, by column; of equally frequent ones the first by name."""
    top = {}
    for column, n in keep.top.items():
        counts = raw[column].map(canonical, na_action="ignore").value_counts().sort_index()
        top[column] = counts.sort_values(ascending=False, kind="stable").index[:n].tolist()
    return top


def keep_rows(raw: pd.DataFrame, keep: params.Keep, top: dict[str, list[str]]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Apply the filters on source columns; return the rows kept and how many each filter dropped.

    top: the values of `keep.top`, found in the training file and applied to the test file too.
    """
    dropped = {}
    for column, wanted in keep.equal.items():
        values = [canonical(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
        kept = raw[column].map(canonical, na_action="ignore").isin(values)
        dropped[f"equal.{column}"] = int((~kept).sum())
        raw = raw[kept]
    for column, values in top.items():
        kept = raw[column].map(canonical, na_action="ignore").isin(values)
        dropped[f"top.{column}"] = int((~kept).sum())
        raw = raw[kept]
    return raw, dropped


def sample(rows: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """Draw at most n rows, every label at its own share (largest remainders), in the old order."""
    if len(rows) <= n:
        return rows
    shares = rows["label"].value_counts().sort_index() * n / len(rows)
    counts = np.floor(shares).astype(int)
    most_short = (shares - counts).sort_values(ascending=False, kind="stable").index[: n - counts.sum()]
    counts[most_short] += 1
    random = np.random.default_rng(seed)
    drawn = [random.choice(np.flatnonzero(rows["label"] == label), k, replace=False) for label, k in counts.items()]
    return rows.iloc[np.sort(np.concatenate(drawn))].reset_index(drop=True)
