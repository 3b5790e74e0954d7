"""Put the folds of a cross-validation together: mean, spread and pooled score.

    $ strata folds
    folds: 5 of 5 folds, 8,530 test rows, each in one fold
      fold  experiment   rows  accuracy  f1_macro  roc_auc
         0  gusty-dhow  1,706    0.8464    0.8464   0.9141
      ...
                      mean  deviation    least     most  pooled (95% interval)
      accuracy      0.8441     0.0061   0.8359   0.8523  0.8441 (0.8364 to 0.8516)
      ...

Names are DVC experiments or Git revisions; without any, the experiments on the last commit that set split.folds. They
may differ in split.fold alone. The deviation is the standard deviation between folds, which includes the effect of
another split and another training set. Pooled: every row is scored once, by the model that has not seen it, and all
together; the interval is of these rows, drawn in clusters and groups.
"""

import numpy as np

from strata.commands.arguments import add_project, parser
from strata.intervals.bootstrap import scores_with_intervals
from strata.runs.folds import Folds, read_folds
from strata.runs.shared_rows import units
from strata.scoring import LOWER_IS_BETTER, NAMES, scores

SEED = 42  # of the draws behind the intervals
SHOWN = ("accuracy", "f1_macro", "roc_auc")  # of each fold


def aligned(lines: list[tuple[str, ...]], left: tuple[int, ...]) -> list[str]:
    """Lay out lines in columns. left: the columns that are set to the left; the last one is never padded."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    padded = [
        [
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in lines
    ]
    return [("  " + "  ".join(cells)).rstrip() for cells in padded]


def number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def table_of_folds(folds: Folds, of_fold: dict[int, dict]) -> list[str]:
    """Return a line for each fold. of_fold: its scores."""
    lines = [("fold", "experiment", "rows", *SHOWN)]
    for fold, run in folds.runs.items():
        lines.append((str(fold), run.name, f"{len(run.rows):,}", *(number(of_fold[fold][name]) for name in SHOWN)))
    return aligned(lines, left=(1,))


def table_of_scores(of_fold: dict[int, dict], pooled: dict) -> list[str]:
    """Return a line for each score: mean, standard deviation, least and most of the folds, and the pooled one."""
    lines = [("", "mean", "deviation", "least", "most", "pooled (95% interval)")]
    for name in NAMES:
        values = [scored[name] for scored in of_fold.values() if scored[name] is not None]
        spread = [np.mean(values), np.std(values, ddof=1) if len(values) > 1 else None, min(values), max(values)]
        ends = pooled["interval"][name]
        interval = f" ({number(ends['low'])} to {number(ends['high'])})" if ends else ""
        title = f"{name}, lower is better" if name in LOWER_IS_BETTER else name
        cells = [number(value) for value in spread] if values else ["undefined"] * 4
        lines.append((title, *cells, number(pooled[name]) + interval))
    return aligned(lines, left=(0, 5))


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("folds", __doc__)
    arguments.add_argument("names", metavar="EXPERIMENT", nargs="*", help="a fold's experiment or revision")
    add_project(arguments)
    args = arguments.parse_args(argv)
    folds = read_folds(args.project, args.names)
    labels = next(iter(folds.runs.values())).labels
    of_fold = {
        fold: scores(
            run.rows["label"].to_numpy(),
            np.stack(run.rows["probabilities"]),
            labels.positive_id,
            run.rows["prediction"].to_numpy(),
        )
        for fold, run in folds.runs.items()
    }
    rows = folds.rows
    pooled = scores_with_intervals(
        rows["label"].to_numpy(),
        np.stack(rows["probabilities"]),
        labels.positive_id,
        units(rows),
        SEED,
        rows["prediction"].to_numpy(),
    )
    print(f"folds: {len(folds.runs)} of {folds.of} folds, {len(rows):,} test rows, each in one fold")
    if folds.missing:
        print(f"folds: missing: {', '.join(map(str, folds.missing))}; the figures are of the others")
    print("\n".join(table_of_folds(folds, of_fold) + table_of_scores(of_fold, pooled)))
