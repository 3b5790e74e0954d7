"""How many rows each label gets, and which."""

import numpy as np
import pandas as pd

from strata.base.errors import StrataError


def targets(rows: list[int], strategy: str, numbers: list[float]) -> list[int]:
    """Return how many rows each label is to have. rows, numbers (factors or counts): per label, in id order."""
    if strategy == "undersample":
        return [min(rows)] * len(rows)
    if strategy == "oversample":
        return [max(rows)] * len(rows)
    if strategy == "factors":
        return [max(1, round(count * factor)) for count, factor in zip(rows, numbers, strict=True)]
    if strategy == "counts":
        return list(numbers)
    if strategy == "none":
        return rows
    raise StrataError(f"resample.strategy: unknown strategy {strategy!r}")


def resample(rows: pd.DataFrame, counts: list[int], seed: int) -> pd.DataFrame:
    """Return as many rows of each label as `counts` says, in the order of their ids.

    When there are more rows, some are drawn without repetition. When there are fewer, every row is repeated equally
    often, and the remainder is drawn.
    """
    random = np.random.default_rng(seed)
    drawn = []
    for label, count in enumerate(counts):
        positions = np.flatnonzero(rows["label"] == label)
        times, remainder = divmod(count, len(positions))
        drawn += [np.tile(positions, times), random.choice(positions, remainder, replace=False)]
    return rows.iloc[np.concatenate(drawn)].sort_values("id", kind="stable")
