"""Balance the training rows by under- or oversampling, or by a factor for each label; no other split is touched.

    python -m stages.resample --params params.yaml --recipes recipes --data data/split/train.parquet \
        --labels data/standardize/labels.json --out data/resample --metrics metrics/resample.json

A copied row keeps its id.
"""

import numpy as np
import pandas as pd

from stages.shared import command, files, params, tables
from stages.shared.labels import read_labels


def targets(counts: list[int], strategy: str, factors: list[float]) -> list[int]:
    """Return how many rows each label shall have. counts, factors: one a label, in id order."""
    if strategy == "undersample":
        return [min(counts)] * len(counts)
    if strategy == "oversample":
        return [max(counts)] * len(counts)
    if strategy == "factors":
        return [max(1, round(count * factor)) for count, factor in zip(counts, factors, strict=True)]
    return counts


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
    args = command.arguments(__doc__, argv, "--data", "--labels", "--out", "--metrics")
    settings, _ = params.load(args.params, args.recipes)
    names = read_labels(args.labels).names
    rows = tables.read(args.data)
    before = [int((rows["label"] == label).sum()) for label in range(len(names))]
    strategy, factors = settings.resample.strategy, settings.resample.factors
    after = targets(before, strategy, [factors[name] for name in names] if factors else [])
    with files.replace_folder(args.out) as out:
        tables.write_frame(out / "train.parquet", resample(rows, after, settings.seed))
    metrics = {"before": dict(zip(names, before, strict=True)), "after": dict(zip(names, after, strict=True))}
    files.write_json(args.metrics, metrics)
    print(f"resample: train {sum(after):,} rows of {sum(before):,} ({strategy})")


if __name__ == "__main__":
    command.run(main, "resample")
