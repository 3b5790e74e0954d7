"""Balance the training rows: under- or oversample, or each label by a factor or to a count; no other split is touched.

    python -m stages.resample --params params.yaml --recipes recipes --data data/split/train.parquet \
        --labels data/standardize/labels.json --out data/resample --metrics metrics/resample.json

A copied row keeps its id.
"""

import math

import numpy as np
import pandas as pd

from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.labels import read_labels
from strata.settings.reader import read_settings


def targets(rows: list[int], strategy: str, numbers: list[float]) -> list[int]:
    """Return how many rows each label shall have. rows, numbers (factors or counts): one a label, in id order."""
    if strategy == "undersample":
        return [min(rows)] * len(rows)
    if strategy == "oversample":
        return [max(rows)] * len(rows)
    if strategy == "factors":
        return [max(1, round(count * factor)) for count, factor in zip(rows, numbers, strict=True)]
    if strategy == "counts":
        return list(numbers)
    return rows


def prior(before: list[int], after: list[int], names: list[str]) -> dict[str, dict[str, float]]:
    """Say what balancing did to the labels' shares.

    `log_shift` is what a model trained on the balanced rows adds to each label's logit: subtract it to have
    probabilities at the natural rate (Saerens, Latinne and Decaestecker, 2002).
    """
    shares = [[count / sum(counts) for count in counts] for counts in (before, after)]
    shift = [math.log(made / natural) for natural, made in zip(*shares, strict=True)]
    columns = {"share_before": shares[0], "share_after": shares[1], "log_shift": shift}
    return {
        key: {name: round(value, 6) for name, value in zip(names, values, strict=True)}
        for key, values in columns.items()
    }


def resample(rows: pd.DataFrame, wanted: list[int], seed: int) -> pd.DataFrame:
    """Draw `wanted` rows of each label, in the order of their ids.

    Fewer than there are: drawn without repetition. More: every row equally often, the remainder drawn.
    """
    random = np.random.default_rng(seed)
    drawn = []
    for label, n in enumerate(wanted):
        positions = np.flatnonzero(rows["label"] == label)
        times, remainder = divmod(n, len(positions))
        drawn += [np.tile(positions, times), random.choice(positions, remainder, replace=False)]
    return rows.iloc[np.concatenate(drawn)].sort_values("id", kind="stable")


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--labels", "--out", "--metrics")
    settings, _ = read_settings(args.params, args.recipes)
    names = read_labels(args.labels).names
    rows = tables.read(args.data)
    before = [int((rows["label"] == label).sum()) for label in range(len(names))]
    if missing := [name for name, count in zip(names, before, strict=True) if not count]:
        raise StrataError(
            f"{args.data}: no row of label {missing[0]}, and nothing to balance it with; every label of {args.labels} "
            "needs a row: run stages.split, or dvc repro"
        )
    strategy = settings.resample.strategy
    numbers = settings.resample.factors or settings.resample.counts
    after = targets(before, strategy, [numbers[name] for name in names] if numbers else [])
    with files.replace_folder(args.out) as out:
        tables.write_frame(out / "train.parquet", resample(rows, after, settings.seed))
    metrics = {"before": dict(zip(names, before, strict=True)), "after": dict(zip(names, after, strict=True))}
    metrics["prior"] = prior(before, after, names)
    files.write_metrics(args.metrics, metrics)
    print(f"resample: train {sum(after):,} rows of {sum(before):,} ({strategy})")


if __name__ == "__main__":
    command_line.run(main, "resample")
