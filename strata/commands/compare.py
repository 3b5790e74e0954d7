"""Tell whether two runs differ on the test rows that they share, or the rows cannot tell.

    $ strata compare HEAD
    compare: 1,706 test rows in both, 0 more in HEAD, 0 more in workspace
                                   HEAD  workspace  difference (95% interval)
      accuracy                   0.8464     0.8435  -0.0029 (-0.0094 to +0.0035)
      ...
      ece, lower is better       0.0399     0.0483  +0.0084 (-0.0053 to +0.0206)
      log_loss, lower is better  0.3757     0.3776  +0.0019 (-0.0014 to +0.0052)
      f1 of negative             0.8480     0.8448  -0.0032 (-0.0095 to +0.0033)
      f1 of positive             0.8448     0.8421  -0.0027 (-0.0094 to +0.0038)
    compare: right in HEAD alone 17 rows, in workspace alone 12 (p 0.46)
    compare: accuracy of workspace against HEAD: no difference that this test set can show (-0.9 to 0.4 points)

A revision is a Git commit, branch or tag, a DVC experiment, or workspace. Reads what evaluate wrote in each, from DVC's
cache or its remote, and joins the rows by id. A difference is the second less the first. Two runs are called different
when the bootstrap's 95% interval of accuracy excludes 0 and the exact test gives p below 0.05; the interval that is
printed holds 0 exactly where they are not. Of more than 20 labels, those whose F1 differs most are shown.
"""

from typing import Any

import numpy as np
import pandas as pd

from strata.commands.arguments import add_project, parser
from strata.intervals import significance
from strata.intervals.of_labels import label_differences
from strata.runs.revision import WORKSPACE, load
from strata.runs.shared_rows import shared_rows, units
from strata.scoring import LOWER_IS_BETTER, NAMES, scores

SEED = 42  # of the draws behind the intervals
MOST_LABELS = 20  # that are shown


def line(title: str, one: float | None, other: float | None, gap: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of one score: its values in both runs, their difference and its interval."""

    def cell(value: float | None, sign: str = "") -> str:
        return "undefined" if value is None or np.isnan(value) else f"{value:{sign}.4f}"

    known = gap["low"] is not None and not np.isnan(gap["low"])
    interval = f" ({gap['low']:+.4f} to {gap['high']:+.4f})" if known else ""
    return title, cell(one), cell(other), cell(gap["difference"], "+") + interval


def table(one: dict, other: dict, differences: dict[str, Any], names: tuple[str, str], by_label: pd.DataFrame) -> list:
    """Lay out each score of two runs, their difference and its interval, a line a score; then F1 of each label.

    by_label: of `label_differences`, of the second run and the first.
    """
    lines = [("", *names, "difference (95% interval)")]
    for name in NAMES:
        title = f"{name}, lower is better" if name in LOWER_IS_BETTER else name
        lines.append(line(title, one[name], other[name], differences[name]))
    if len(by_label) > MOST_LABELS:
        by_label = by_label.sort_values("difference", key=lambda gap: -gap.abs(), kind="stable").head(MOST_LABELS)
    for label in by_label.to_dict("records"):
        lines.append(line(f"f1 of {printable(label['label'])}", label["theirs"], label["ours"], label))
    widths = [max(len(cells[i]) for cells in lines) for i in range(3)]
    return [
        "  " + "  ".join([first.ljust(widths[0]), second.rjust(widths[1]), third.rjust(widths[2]), last])
        for first, second, third, last in lines
    ]


def printable(name: str) -> str:
    """Return a label's name without what would move the cursor or colour the terminal."""
    return "".join(character if character.isprintable() else "?" for character in name)


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("compare", __doc__)
    arguments.add_argument("one", metavar="REVISION", help="the first run")
    arguments.add_argument("other", metavar="REVISION", nargs="?", default=WORKSPACE, help="workspace unless given")
    add_project(arguments)
    args = arguments.parse_args(argv)
    one, other = (load(args.project, name) for name in (args.one, args.other))
    rows, positive = shared_rows(one, other), one.labels.positive_id
    labels = rows["label"].to_numpy()
    first, second = (
        (np.stack(rows[f"probabilities_{which}"]), rows[f"prediction_{which}"].to_numpy()) for which in ("one", "other")
    )
    result = significance.paired_comparison(
        labels, second[0], first[0], positive, units(rows), SEED, second[1], first[1]
    )
    sides = [scores(labels, probabilities, positive, predicted) for probabilities, predicted in (first, second)]
    by_label = label_differences(labels, second[1], first[1], one.labels.names, units(rows), SEED)
    alone = [f"{len(run.rows) - len(rows):,} more in {run.name}" for run in (one, other)]
    print(f"compare: {len(rows):,} test rows in both, {alone[0]}, {alone[1]}")
    print("\n".join(table(*sides, result, (one.name, other.name), by_label)))
    if len(by_label) > MOST_LABELS:
        print(f"compare: of {len(by_label)} labels, the {MOST_LABELS} whose F1 differs most are shown")
    counts = result["mcnemar"]
    print(
        f"compare: right in {one.name} alone {counts['only_theirs']:,} rows, in {other.name} alone "
        f"{counts['only_ours']:,} (p {counts['p']:.2g})"
    )
    print(f"compare: accuracy of {other.name} against {one.name}: {result['words']}")
