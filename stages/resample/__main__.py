"""Take a share of the training rows, balance them, and add changed copies of them.

    python -m stages.resample --params params.yaml --recipes recipes --data data/split/train.parquet \
        --units data/split/units.parquet --labels data/standardize/labels.json --out data/resample \
        --metrics metrics/resample.json

Labels are undersampled, oversampled, or resampled by a factor or to a count. No other split changes. A repeated row and
a changed copy keep the id of their row, and stand after it. prior.json says how far resampling and train.class_weights
shift the log odds, for the stages that undo it.
"""

import argparse

import numpy as np
import pandas as pd

from stages.resample.augment import with_changed_copies
from stages.resample.balance import resample, targets
from stages.resample.share import rows_of_share
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


def check_labels(counts: np.ndarray, names: list[str], args: argparse.Namespace, share: float) -> None:
    """Raise StrataError when a label has no row. counts: (labels,) rows."""
    if missing := [name for name, count in zip(names, counts, strict=True) if not count]:
        also = ", or raise resample.share" if share < 1 else ""
        raise StrataError(
            f"{args.data}: no row of label {missing[0]}, so it cannot be balanced; every label of {args.labels} "
            f"needs a row: run stages.split, or dvc repro{also}"
        )


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--units", "--labels", "--out", "--metrics")
    settings, recipe = read_settings(args.params, args.recipes)
    names, read = read_labels(args.labels).names, tables.read(args.data)
    unit = tables.read(args.units).set_index("id")["unit"].loc[read["id"]].to_numpy()
    rows = rows_of_share(read, unit, settings.resample.share, settings.seed)
    before = np.bincount(rows["label"], minlength=len(names))
    check_labels(before, names, args, settings.resample.share)
    numbers = settings.resample.factors or settings.resample.counts
    after = targets(before.tolist(), settings.resample.strategy, [numbers[name] for name in names] if numbers else [])
    balanced = resample(rows, after, settings.seed)
    augmented = with_changed_copies(balanced, settings.resample, recipe.clean, settings.seed)
    # the natural prior is that of all rows: a share of them, of whole units, may have another
    shift = shifts(np.bincount(read["label"], minlength=len(names)), augmented, settings.train.class_weights, names)
    with files.replace_folder(args.out) as out:
        tables.write_frame(out / "train.parquet", augmented)
        shift.write(out / "prior.json")
    copies = len(augmented) - len(balanced)
    files.write_metrics(args.metrics, summary(before, np.array(after), names, copies))
    also = f", and {copies:,} changed copies" if copies else ""
    print(f"resample: train {sum(after):,} rows of {len(read):,} ({settings.resample.strategy}){also}")


if __name__ == "__main__":
    command_line.run(main, "resample")
