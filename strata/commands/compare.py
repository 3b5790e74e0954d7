"""Tell whether two runs differ on the test rows that they share, or the rows cannot tell.

    $ strata compare HEAD
    compare: 1,706 test rows in both, 0 more in HEAD, 0 more in workspace
                                   HEAD  workspace  difference (95% interval)
      accuracy                   0.8464     0.8435  -0.0029 (-0.0094 to +0.0035)
      ...
      ece, lower is better       0.0399     0.0483  +0.0084 (-0.0053 to +0.0206)
      log_loss, lower is better  0.3757     0.3776  +0.0019 (-0.0014 to +0.0052)
      ...
      f1 of negative             0.8480     0.8448  -0.0032 (-0.0095 to +0.0033)
      ...
      f1 of positive             0.8448     0.8421  -0.0027 (-0.0094 to +0.0038)
    compare: right in HEAD alone 17 rows, in workspace alone 12 (p 0.46)
    compare: accuracy of workspace against HEAD: no difference that this test set can show (-0.9 to 0.4 points)

    $ strata compare exp-b exp-c --ensemble exp-a,exp-b,exp-c
    compare: 600 test rows in all, 0 more in exp-b, 0 more in exp-c, 0 more in exp-a
    compare: ensemble of 3: mean probabilities of exp-a, exp-b, exp-c; each row gets its most probable label
                                  exp-b   exp-c  ensemble of 3  ensemble of 3 less exp-c (95% interval)
      accuracy                   0.7517  0.7750         0.7667  -0.0083 (-0.0283 to +0.0083)
      ...
      log_loss, lower is better  0.5289  0.5047         0.4912  -0.0135 (-0.0358 to +0.0096)
      ...
    compare: accuracy of exp-c against exp-b: no difference that this test set can show (-0.2 to 5.0 points)
    compare: right in exp-b alone 23 rows, in ensemble of 3 alone 32 (p 0.28)
    compare: accuracy of ensemble of 3 against exp-b: no difference that this test set can show (-0.8 to 4.0 points)
    compare: right in exp-c alone 20 rows, in ensemble of 3 alone 15 (p 0.5)
    compare: accuracy of ensemble of 3 against exp-c: no difference that this test set can show (-2.8 to 0.8 points)

A revision is a Git commit, branch or tag, a DVC experiment, or workspace. Reads what evaluate wrote in each, from DVC's
cache or its remote, and joins the rows by id. A difference is the second less the first; with --ensemble, the ensemble
less the second. Two runs are called different when the bootstrap's 95% interval of accuracy excludes 0 and the exact
test gives p below 0.05; if and only if they are not, the printed interval contains 0. The table ends with the
precision, recall and F1 of each label; if there are more than 20 labels, of the 20 whose F1 differs most.

--ensemble takes the mean of two or more runs' calibrated probabilities, on the test rows that all runs share. It
predicts the most probable label; where all its runs have one decision threshold, it decides by that.
"""

from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from strata.base.errors import StrataError
from strata.commands.arguments import add_project, parser
from strata.intervals import significance
from strata.intervals.bootstrap import DRAWS, draw, percentile_interval
from strata.intervals.of_labels import METRICS, counts, defined_scores
from strata.labels import Labels
from strata.runs.ensemble import ensemble
from strata.runs.revision import WORKSPACE, load, threshold
from strata.runs.shared_rows import shared_rows, units
from strata.scoring import LOWER_IS_BETTER, NAMES, scores

SEED = 42  # of the draws behind the intervals
MOST_LABELS = 20  # that are shown
COLUMNS = 100  # of the table, for which names of labels are shortened


class Side(NamedTuple):
    """One column of the table: a run, or an ensemble. probabilities: (rows, labels). predicted: (rows,) int."""

    name: str
    probabilities: np.ndarray
    predicted: np.ndarray


class Rows(NamedTuple):
    """The test rows that all runs share. label: (rows,) int. unit: (rows,), what is drawn together."""

    label: np.ndarray
    unit: np.ndarray
    labels: Labels


def members(names: str) -> list[str]:
    """Return the runs of an ensemble. names: with commas between them. Raises: StrataError."""
    listed = [name.strip() for name in names.split(",")]
    if len(listed) < 2:
        raise StrataError(f"--ensemble {names}: one run is no ensemble; name several, with commas between them")
    if twice := [name for i, name in enumerate(listed) if name in listed[:i]]:
        raise StrataError(f"--ensemble {names}: names {twice[0]} twice; name each run once")
    return listed


def difference(rows: Rows, one: Side, other: Side) -> dict[str, Any]:
    """Return `paired_comparison` of the second side and the first."""
    return significance.paired_comparison(
        rows.label,
        other.probabilities,
        one.probabilities,
        rows.labels.positive_id,
        rows.unit,
        SEED,
        other.predicted,
        one.predicted,
    )


def line(title: str, values: list[float | None], gap: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of one score: its values, and the difference of two of them with its interval."""

    def cell(value: float | None, sign: str = "") -> str:
        return "undefined" if value is None or np.isnan(value) else f"{value:{sign}.4f}"

    known = gap["low"] is not None and not np.isnan(gap["low"])
    interval = f" ({gap['low']:+.4f} to {gap['high']:+.4f})" if known else ""
    return title, *map(cell, values), cell(gap["difference"], "+") + interval


def lines_of_scores(rows: Rows, sides: list[Side], differences: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a line for each score. differences: of the last two sides, as `difference` returns them."""
    of_side = [scores(rows.label, side.probabilities, rows.labels.positive_id, side.predicted) for side in sides]
    titles = {name: f"{name}, lower is better" if name in LOWER_IS_BETTER else name for name in NAMES}
    return [line(titles[name], [of_one[name] for of_one in of_side], differences[name]) for name in NAMES]


def scores_of_labels(rows: Rows, side: Side, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return METRICS of each label: (draws, labels) each. weights: (draws, rows), as `draw` returns them."""
    return defined_scores(counts(rows.label, side.predicted, len(rows.labels.names), weights))


def intervals_of_labels(rows: Rows, one: Side, other: Side) -> dict[str, list[dict[str, float] | None]]:
    """Return the intervals of the second side less the first, on the same draws: for METRICS, one of each label."""
    if len(np.unique(rows.unit)) < 2:
        return {metric: [None] * len(rows.labels.names) for metric in METRICS}
    weights = draw(rows.unit, DRAWS, SEED)
    less, of_other = (scores_of_labels(rows, side, weights) for side in (one, other))
    return {metric: [percentile_interval(gap) for gap in (of_other[metric] - less[metric]).T] for metric in METRICS}


def lines_of_labels(rows: Rows, sides: list[Side]) -> list[tuple[str, ...]]:
    """Return lines for precision, recall and F1 of each label.

    With more than MOST_LABELS labels, only of those whose F1 differs most between the last two sides.
    """
    names, every_row = rows.labels.names, np.ones((1, len(rows.label)))
    of_side = [scores_of_labels(rows, side, every_row) for side in sides]
    gaps = {metric: of_side[-1][metric][0] - of_side[-2][metric][0] for metric in METRICS}
    ends = intervals_of_labels(rows, *sides[-2:])
    shown = np.arange(len(names))
    if len(names) > MOST_LABELS:
        shown = np.argsort(-np.abs(gaps["f1"]), kind="stable")[:MOST_LABELS]
    return [
        line(
            f"{metric} of {printable(names[i])}",
            [of_one[metric][0, i] for of_one in of_side],
            {"difference": gaps[metric][i], **(ends[metric][i] or {"low": None, "high": None})},
        )
        for i in shown
        for metric in METRICS
    ]


def table(rows: Rows, sides: list[Side], differences: dict[str, Any]) -> list[str]:
    """Lay out each score of all sides, and the difference of the last two with its interval, a line a score.

    differences: of the last two sides, as `difference` returns them.
    """
    subject = "difference" if len(sides) == 2 else f"{sides[-1].name} less {sides[-2].name}"
    lines = [("", *(side.name for side in sides), f"{subject} (95% interval)")]
    lines += lines_of_scores(rows, sides, differences)
    least = max(len(title) for title, *_ in lines)  # of the titles, which names of labels may lengthen
    lines += lines_of_labels(rows, sides)
    widths = [max(len(cells[i]) for cells in lines) for i in range(len(lines[0]))]
    widths[0] = min(widths[0], max(least, COLUMNS - sum(2 + width for width in widths[1:]) - 2))
    return [
        "  " + "  ".join([shortened(first, widths[0]).ljust(widths[0]), *map(str.rjust, middle, widths[1:]), last])
        for first, *middle, last in lines
    ]


def shortened(title: str, width: int) -> str:
    """Return a title of `width` characters at most; both ends of a longer one stay, since names may differ in either.

    >>> shortened("precision of talk.politics.mideast", 26)
    'precision of …tics.mideast'
    """
    end = (width - 1) // 2
    return title if len(title) <= width else f"{title[: width - 1 - end]}…{title[-end:]}"


def printable(name: str) -> str:
    """Return a label's name without what would move the cursor or colour the terminal."""
    return "".join(character if character.isprintable() else "?" for character in name)


def read_sides(project: Path, pair: list[str], ensemble_of: list[str]) -> tuple[Rows, list[Side], list[str]]:
    """Read runs. Return the rows that all share, the sides to compare on them, and what must be said of both."""
    runs = {name: load(project, name) for name in dict.fromkeys([*pair, *ensemble_of])}
    tables = dict(zip(runs, shared_rows(*runs.values()), strict=True))
    one, other = (tables[name] for name in pair)
    rows = Rows(one["label"].to_numpy(), units(other, one, *tables.values()), runs[pair[0]].labels)
    probabilities = {name: np.stack(table["probabilities"]) for name, table in tables.items()}
    sides = [Side(name, probabilities[name], tables[name]["prediction"].to_numpy()) for name in pair]
    shown = runs if ensemble_of else pair  # a run may be compared with itself
    more = [f"{len(runs[name].rows) - len(rows.label):,} more in {name}" for name in shown]
    said = [f"{len(rows.label):,} test rows in {'both' if len(more) == 2 else 'all'}, {', '.join(more)}"]
    if ensemble_of:
        of_member = {name: probabilities[name] for name in ensemble_of}
        thresholds = {name: threshold(project, name) for name in ensemble_of}
        mean = ensemble(of_member, thresholds, rows.labels.positive_id)
        name = f"ensemble of {len(ensemble_of)}"  # with spaces, which no revision's name has
        sides.append(Side(name, mean.probabilities, mean.predicted))
        said.append(f"{name}: mean probabilities of {', '.join(ensemble_of)}; {mean.rule}")
    return rows, sides, said


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("compare", __doc__)
    arguments.add_argument("one", metavar="REVISION", help="the first run")
    arguments.add_argument("other", metavar="REVISION", nargs="?", default=WORKSPACE, help="workspace unless given")
    arguments.add_argument(
        "--ensemble",
        type=members,
        default=[],
        metavar="REVISION,REVISION",
        help="also compare the mean of these runs' probabilities",
    )
    add_project(arguments)
    args = arguments.parse_args(argv)
    rows, sides, said = read_sides(args.project, [args.one, args.other], args.ensemble)
    for sentence in said:
        print(f"compare: {sentence}")
    pairs = [(*pair, difference(rows, *pair)) for pair in combinations(sides, 2)]
    print("\n".join(table(rows, sides, pairs[-1][-1])))
    if len(rows.labels.names) > MOST_LABELS:
        print(f"compare: of {len(rows.labels.names)} labels, the {MOST_LABELS} whose F1 differs most are shown")
    for one, other, gap in pairs:
        only = gap["mcnemar"]
        print(
            f"compare: right in {one.name} alone {only['only_theirs']:,} rows, in {other.name} alone "
            f"{only['only_ours']:,} (p {only['p']:.2g})"
        )
        print(f"compare: accuracy of {other.name} against {one.name}: {gap['words']}")
