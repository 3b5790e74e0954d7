"""Run the notebooks' experiments, which are sweeps, and score the validation rows of each trial by several metrics.

    make office && python -m benchmarks.notebooks            # from the root; adds to benchmarks/notebooks/results.json
    python -m benchmarks.notebooks spoilers_lr_batch         # of the recipe in params.yaml

A sweep that has run is scored again from the rows that it keeps.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from stages.evaluate.threshold import choose, curve
from strata.goal import parse
from strata.scoring import scores
from strata.settings.sweep_reader import read_sweep
from strata.sweeping.answer import answer
from strata.sweeping.kept_rows import read_rows
from strata.sweeping.run import ROWS, STATE, known_study

ROOT, PATH = Path.cwd(), Path(__file__).with_name("results.json")
SWEEPS = ("imdb_three", "office_attempts")
METRICS = ("accuracy", "f1", "precision", "recall", "log_loss")


def with_threshold(rows: pd.DataFrame, positive: int) -> dict:
    """Return precision, recall and F1 with the threshold that evaluate.goal f1 chooses on these rows."""
    is_positive, probability = rows["label"].to_numpy() == positive, np.stack(rows["probabilities"])[:, positive]
    points = curve(is_positive, probability)
    best = points.loc[points["threshold"] == choose(parse("f1"), points)].iloc[0]
    return {metric: round(float(best[metric]), 4) for metric in ("precision", "recall", "f1")}


def scored(name: str) -> dict:
    """Return a sweep's results: recipe, states, best, and each trial's settings and scores."""
    sweep = read_sweep(ROOT / f"sweeps/{name}.yaml")
    folder = ROOT / STATE / name / ROWS
    study = known_study(ROOT, name, sweep)
    found, trials = answer(study, folder), {}
    for setting in found.scored:
        rows, labels = read_rows(folder, setting.number)
        values = scores(rows["label"].to_numpy(), np.stack(rows["probabilities"]), labels.positive_id)
        trials[setting.name.removeprefix(f"{name}-")] = {
            "settings": setting.overrides,
            "rows": len(rows),
            "tied": found.is_tied(setting),
            **{metric: round(values[metric], 4) for metric in METRICS},
            "with_threshold": with_threshold(rows, labels.positive_id),
        }
    return {
        "recipe": study.params["recipe"],
        "states": found.states,
        "best": found.best.name.removeprefix(f"{name}-"),
        "trials": trials,
    }


def main() -> None:
    results = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    for name in sys.argv[1:] or SWEEPS:
        subprocess.run([sys.executable, "-m", "strata", "sweep", name], check=True)
        results[name] = scored(name)
    PATH.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
