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
from strata.sweeping.answer import Answer, Setting

STATES = {"COMPLETE": "complete", "PRUNED": "stopped early", "FAIL": "failed"}
PLOTS = [
    {"history.csv": {"template": "sweep_history", "x": "trial", "y": "score", "title": "Score of each trial"}},
    {"slices.csv": {"template": "sweep_slices", "x": "value", "y": "score", "title": "Score by the value of each key"}},
    {"parallel.csv": {"template": "sweep_parallel", "x": "key", "y": "place", "title": "Settings of all trials"}},
]


def write(folder: Path, answer: Answer, sweep: Sweep, recipe: str) -> None:
    """Write trials.csv, the three figures, answer.json and dvc.yaml. recipe: of params.yaml."""
    with files.replace_folder(folder) as partial:
        trials = trial_table(answer)
        files.write_curve(partial / "trials.csv", trials)
        files.write_curve(partial / "history.csv", history(answer, sweep))
        points = slices(answer)
        files.write_curve(partial / "slices.csv", points)
        files.write_curve(partial / "parallel.csv", places(points))
        files.write_metrics(partial / "answer.json", summary(answer, sweep, recipe))
        (partial / "dvc.yaml").write_text(yaml.safe_dump({"plots": PLOTS}, sort_keys=False), encoding="utf-8")


def trial_table(answer: Answer) -> pd.DataFrame:
    """Return a line for each trial: trial, state, score, tied, compute, reason, and a column for each key."""
    tied = {setting.name for setting in answer.tied}
    rows = [
        {
            "trial": setting.name,
            "state": STATES[setting.ending.state],
            "score": setting.ending.score,
            "tied": int(setting.name in tied),
            "compute": setting.ending.compute,
            "reason": setting.ending.reason,
        }
        | {key: written(value) for key, value in setting.overrides.items()}
        for setting in answer.settings
    ]
    return pd.DataFrame(rows)


def written(value: Any) -> Any:
    """Return a value of a key as a table's cell shows it."""
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)


def history(answer: Answer, sweep: Sweep) -> pd.DataFrame:
    """Return number, trial, score and the best score so far of each trial that has a score."""
    scored = answer.scored
    scores = np.array([setting.ending.score for setting in scored])
    best = np.minimum.accumulate(scores) if sweep.direction == "minimize" else np.maximum.accumulate(scores)
    return pd.DataFrame(
        {"number": [one.number for one in scored], "trial": [one.name for one in scored], "score": scores, "best": best}
    )


def slices(answer: Answer) -> pd.DataFrame:
    """Return the value and score of each key of each trial that has a score: trial, key, value, number, score, tied.

    number: the value where it is a number, else NaN.
    """
    tied = {setting.name for setting in answer.tied}
    rows = [
        {
            "trial": setting.name,
            "key": key,
            "value": written(value),
            "number": value if isinstance(value, int | float) and not isinstance(value, bool) else np.nan,
            "score": setting.ending.score,
            "tied": int(setting.name in tied),
        }
        for setting in answer.scored
        for key, value in setting.overrides.items()
    ]
    return pd.DataFrame(rows, columns=["trial", "key", "value", "number", "score", "tied"])


def places(points: pd.DataFrame) -> pd.DataFrame:
    """Return the points of `slices` with the place of each value on its key's axis, 0 to 1."""
    parts = []
    for _, of_key in points.groupby("key", sort=False):
        number = of_key["number"]
        if number.isna().any():
            names = sorted(set(of_key["value"]))
            number = of_key["value"].map(names.index).astype(float)
        elif number.min() > 0 and number.max() >= 10 * number.min():
            number = np.log(number)
        width = number.max() - number.min()
        parts.append(of_key.assign(place=(number - number.min()) / width if width else 0.5))
    return pd.concat(parts, ignore_index=True).drop(columns="number") if parts else points.assign(place=[])


def summary(answer: Answer, sweep: Sweep, recipe: str) -> dict[str, Any]:
    """Return what the report reads."""
    luck = None if np.isnan(answer.shrinkage) else answer.shrinkage
    return {
        "recipe": recipe,
        "metric": sweep.metric,
        "direction": sweep.direction,
        "folds": sweep.folds,
        "rows": answer.rows,
        "trials": {name: sum(one.ending.state == state for one in answer.settings) for state, name in STATES.items()},
        "best": of_setting(answer.best),
        "promised": None if luck is None else answer.promised(sweep.direction),
        "shrinkage": luck,
        "shrinkage_error": None if luck is None else answer.shrinkage_error,
        "cheapest": of_setting(answer.cheapest),
        "tied": [of_setting(one) for one in answer.tied],
        "importances": answer.importances,
    }


def of_setting(setting: Setting) -> dict[str, Any]:
    """Return a trial's name, score, compute and settings."""
    return {
        "trial": setting.name,
        "score": setting.ending.score,
        "compute": setting.ending.compute,
        "settings": setting.overrides,
    }
