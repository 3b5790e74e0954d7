"""The table of scores that baseline, evaluate and quantize write to plots/STAGE/scores.csv, a line a score."""

import csv
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("model", "split", "metric", "value", "low", "high")
"""low and high: the ends of the 95% interval, empty where there is none. value: empty where it is undefined."""

Scores = Mapping[str, object]
"""A model's scores on one split by name, and `interval`, low and high by the same names, or None where it has none."""


def frame(scores: Mapping[tuple[str, str], Scores]) -> "pd.DataFrame":
    """Return the table. scores: by model and split, as `scores_with_intervals` returns them."""
    import pandas as pd

    lines = []
    for (model, split), values in scores.items():
        for name, interval in values["interval"].items():
            ends = interval or {"low": None, "high": None}
            lines.append((model, split, name, values[name], ends["low"], ends["high"]))
    table = pd.DataFrame(lines, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(COLUMNS[3:], float))


def parse(text: str) -> dict[tuple[str, str], dict]:
    """Return the scores by model and split: each metric, and under `interval` its ends, or None where it has none.

    text: a file's content. Raises: KeyError without one of COLUMNS, ValueError on a cell that is no number.
    """
    scores: dict[tuple[str, str], dict] = {}
    for line in csv.DictReader(text.splitlines()):
        of_model = scores.setdefault((line["model"], line["split"]), {"interval": {}})
        value, low, high = (float(line[column]) if line[column] else None for column in COLUMNS[3:])
        of_model[line["metric"]] = value
        of_model["interval"][line["metric"]] = None if low is None or high is None else {"low": low, "high": high}
    return scores
