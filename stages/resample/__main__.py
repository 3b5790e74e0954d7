"""Balance the training rows, and add changed copies of them.

    python -m stages.resample --params params.yaml --recipes recipes --data data/split/train.parquet \
        --labels data/standardize/labels.json --out data/resample --metrics metrics/resample.json

Labels are undersampled, oversampled, or resampled by a factor or to a count. No other split changes. A repeated row and
a changed copy keep the id of their row, and stand after it. prior.json says how far resampling and train.class_weights
shift the log odds, for the stages that undo it.
"""

import numpy as np
import pandas as pd

from stages.resample.augment import with_changed_copies
from stages.resample.balance import resample, targets
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.labels import read_labels
from strata.prior import PriorShift, prior_shift, weighted_counts
from strata.settings.reader import read_settings


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


def summary(before: np.ndarray, after: np.ndarray, names: list[str], changed_copies: int) -> dict:
    """Return the metrics: the rows of each label before and after balancing, and the changed copies, if there are any.

    before, after: (labels,) rows.
    """
    rows = {"before": before, "after": after}
    counts = {when: dict(zip(names, of_labels.tolist(), strict=True)) for when, of_labels in rows.items()}
    return counts | ({"changed_copies": changed_copies} if changed_copies else {})


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--labels", "--out", "--metrics")
    settings, recipe = read_settings(args.params, args.recipes)
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
    augmented = with_changed_copies(resampled, settings.resample, recipe.clean, settings.seed)
    shift = shifts(before, augmented, settings.train.class_weights, names)
    with files.replace_folder(args.out) as out:
        tables.write_frame(out / "train.parquet", augmented)
        shift.write(out / "prior.json")
    copies = len(augmented) - len(resampled)
    files.write_metrics(args.metrics, summary(before, np.array(after), names, copies))
    also = f", and {copies:,} changed copies" if copies else ""
    print(f"resample: train {sum(after):,} rows of {before.sum():,} ({strategy}){also}")


if __name__ == "__main__":
    command_line.run(main, "resample")
