"""Balance the training rows: undersample, oversample, or resample each label by a factor or to a count.

    python -m stages.resample --params params.yaml --recipes recipes --data data/split/train.parquet \
        --labels data/standardize/labels.json --out data/resample --metrics metrics/resample.json

No other split changes. A repeated row keeps its id. prior.json says how far resampling and train.class_weights shift
the log odds, for the stages that undo it.
"""

import numpy as np
import pandas as pd

from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.labels import read_labels
from strata.prior import PriorShift, prior_shift, weighted_counts
from strata.settings.reader import read_settings


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


def shifts(
    natural: np.ndarray, resampled: pd.DataFrame, weights: str | dict[str, float], names: list[str]
) -> PriorShift:
    """Return how far balancing shifts the log odds.

    natural: (labels,), rows before it. weights: train.class_weights. names: of the labels, in id order.
    """
    counts, distinct = (
        np.bincount(rows["label"], minlength=len(names)) for rows in (resampled, resampled.drop_duplicates("id"))
    )
    seen = weighted_counts(counts, weights, names)
    return PriorShift(prior_shift(natural, counts), prior_shift(natural, seen), prior_shift(distinct, seen))


def summary(before: np.ndarray, after: np.ndarray, names: list[str]) -> dict:
    """Return the metrics: the rows of each label before and after."""
    rows = {"before": before, "after": after}
    return {when: dict(zip(names, counts.tolist(), strict=True)) for when, counts in rows.items()}


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


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--labels", "--out", "--metrics")
    settings, _ = read_settings(args.params, args.recipes)
    names = read_labels(args.labels).names
    rows = tables.read(args.data)
    before = np.bincount(rows["label"], minlength=len(names))
    if missing := [name for name, count in zip(names, before, strict=True) if not count]:
        raise StrataError(
            f"{args.data}: no row of label {missing[0]}, so it cannot be balanced; every label of {args.labels} "
            "needs a row: run stages.split, or dvc repro"
        )
    strategy = settings.resample.strategy
    numbers = settings.resample.factors or settings.resample.counts
    after = targets(before.tolist(), strategy, [numbers[name] for name in names] if numbers else [])
    resampled = resample(rows, after, settings.seed)
    shift = shifts(before, resampled, settings.train.class_weights, names)
    with files.replace_folder(args.out) as out:
        tables.write_frame(out / "train.parquet", resampled)
        shift.write(out / "prior.json")
    files.write_metrics(args.metrics, summary(before, np.array(after), names))
    print(f"resample: train {sum(after):,} rows of {before.sum():,} ({strategy})")


if __name__ == "__main__":
    command_line.run(main, "resample")
