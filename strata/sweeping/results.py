"""The results of a sweep in plots/sweep/NAME/: figures that dvc plots draws, and the answer for the report.

DVC finds the pictures by a dvc.yaml beside the figures. Nothing here depends on the time or the machine but through the
scores themselves.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from strata.base import files
from strata.settings.sweep import Sweep
from strata.settings.sweep_answer import SweepAnswer, Tried
from strata.sweeping.answer import STATES, Answer, Setting

WIDE = 10  # ratio of the largest to the least value from which on a log axis shows them better


def write(folder: Path, answer: Answer, sweep: Sweep, recipe: str) -> None:
    """Write trials.csv, the three figures, answer.json and dvc.yaml. recipe: of the search."""
    with files.replace_folder(folder) as partial:
        trials = trial_table(answer)
        files.write_curve(partial / "trials.csv", trials)
        files.write_curve(partial / "history.csv", history(answer, sweep))
        points = slices(answer)
        files.write_curve(partial / "slices.csv", points)
        files.write_curve(partial / "parallel.csv", places(points))
        files.write_metrics(partial / "answer.json", summary(answer, sweep, recipe).model_dump())
        plots = yaml.safe_dump({"plots": pictures(folder.name, sweep.metric)}, sort_keys=False, width=1000)
        (partial / "dvc.yaml").write_text(plots, encoding="utf-8")


def pictures(name: str, metric: str) -> list[dict[str, Any]]:
    """Return what `dvc plots` draws of each figure; the templates are in .dvc/plots. The name is in every title."""
    score = f"{metric} on validation rows"
    return [
        {
            "history.csv": {"template": "sweep_history", "x": "number", "y": "score"}
            | {"x_label": "trial", "y_label": score, "title": f"{name}: score of each trial"}
        },
        {
            "slices.csv": {"template": "sweep_slices", "x": "value", "y": "score"}
            | {"title": f"{name}: {score} by the value of each key"}
        },
        {
            "parallel.csv": {"template": "sweep_parallel", "x": "key", "y": "place"}
            | {"y_label": score, "title": f"{name}: settings of all trials"}
        },
    ]


def trial_table(answer: Answer) -> pd.DataFrame:
    """Return a line for each trial: trial, state, score, tied, compute, reason, and a column for each key."""
    rows = [
        {
            "trial": setting.name,
            "state": STATES[setting.ending.state],
            "score": setting.ending.score,
            "tied": int(answer.is_tied(setting)),
            "compute": setting.ending.compute,
            "reason": setting.ending.reason,
        }
        | {key: cell(value) for key, value in setting.overrides.items()}
        for setting in answer.settings
    ]
    return pd.DataFrame(rows)


def cell(value: Any) -> Any:
    """Return a value of a key as a table's cell shows it."""
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)


def history(answer: Answer, sweep: Sweep) -> pd.DataFrame:
    """Return number, trial, score, tied and the best score so far of each trial that was compared."""
    rows = [
        {"number": one.number, "trial": one.name, "score": one.ending.score, "tied": int(answer.is_tied(one))}
        for one in answer.comparable
    ]
    table = pd.DataFrame(rows)
    return table.assign(best=sweep.sign * (sweep.sign * table["score"]).cummax())


def slices(answer: Answer) -> pd.DataFrame:
    """Return the value and score of each key of each trial that has a score: trial, key, value, score, tied, scale.

    scale: of the key's axis: nominal, linear, or log where the values span a factor of WIDE.
    """
    rows = [
        {
            "trial": setting.name,
            "key": key,
            "value": cell(value),
            "score": setting.ending.score,
            "tied": int(answer.is_tied(setting)),
        }
        for setting in answer.scored
        for key, value in setting.overrides.items()
    ]
    points = pd.DataFrame(rows, columns=["trial", "key", "value", "score", "tied"])
    return points.assign(
        scale=points["key"].map({key: scale(part) for key, part in points["value"].groupby(points["key"])})
    )


def scale(values: pd.Series) -> str:
    """Return the scale of an axis with these values."""
    if any(isinstance(value, str) for value in values):
        return "nominal"
    return "log" if values.min() > 0 and values.max() >= WIDE * values.min() else "linear"


def places(points: pd.DataFrame) -> pd.DataFrame:
    """Return the points of `slices` with the place of each value on its key's axis, 0 to 1."""
    parts = []
    for _, of_key in points.groupby("key", sort=False):
        number, kind = of_key["value"], of_key["scale"].iloc[0]
        if kind == "nominal":
            names = sorted(set(number), key=lambda value: (isinstance(value, str), value))
            number = number.map(names.index)
        number = np.log(number.astype(float)) if kind == "log" else number.astype(float)
        width = number.max() - number.min()
        parts.append(of_key.assign(place=(number - number.min()) / width if width else 0.5))
    return pd.concat(parts, ignore_index=True) if parts else points.assign(place=[])


def summary(answer: Answer, sweep: Sweep, recipe: str) -> SweepAnswer:
    """Return what the report reads. recipe: of the search, which a named run may change."""
    luck = None if np.isnan(answer.shrinkage) else answer.shrinkage
    return SweepAnswer(
        recipe=answer.best.overrides.get("recipe", recipe),
        metric=sweep.metric,
        direction=sweep.direction,
        folds=sweep.folds,
        rows=answer.rows,
        trials=answer.states,
        compared=len(answer.comparable),
        best=of_setting(answer.best),
        promised=None if luck is None else answer.promised(sweep.sign),
        shrinkage=luck,
        shrinkage_error=None if luck is None else answer.shrinkage_error,
        cheapest=of_setting(answer.cheapest),
        tied=[of_setting(one) for one in answer.tied],
        importances=answer.importances,
    )


def of_setting(setting: Setting) -> Tried:
    """Return a trial's name, score, compute and settings."""
    ending = setting.ending
    return Tried(trial=setting.name, score=ending.score, compute=ending.compute, settings=setting.overrides)
