"""Calibration of the default model on a task of 95 to 5 that was undersampled for training, before and after.

    python -m benchmarks.calibration

Drops positive rows of Rotten Tomatoes behind `standardize` until one row in 20 is positive, then runs the stages as
they are. Writes benchmarks/calibration/results.json: what metrics/evaluate.json says of calibration on test rows.
"""

import json
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.pipeline import STAGES, prepare, run
from strata.base import tables

RECIPE, SHARE, SEED = "rotten_tomatoes", 0.05, 42
SETTINGS = {"resample": {"strategy": "undersample"}, "train": {"epochs": 10, "best_metric": "roc_auc"}}


def thin(path: Path) -> None:
    """Keep all negative rows and so many of the positive ones that they make up SHARE of the table."""
    rows = tables.read(path)
    negative, positive = rows[rows["label"] == 0], rows[rows["label"] == 1]
    kept = positive.sample(round(len(negative) * SHARE / (1 - SHARE)), random_state=SEED)
    tables.write_frame(path, pd.concat([negative, kept]).sort_values("id"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), RECIPE, SETTINGS)
        metrics = {}
        for stage in list(STAGES)[: list(STAGES).index("evaluate") + 1]:
            metrics[stage] = run(Path(folder), RECIPE, stage)
            if stage == "standardize":
                thin(Path(folder) / "data/standardize/train.parquet")
    evaluated = metrics["evaluate"]
    result = {
        "rows": {split: metrics["split"][split]["labels"] for split in ("train", "validation", "test")},
        "after_resampling": metrics["resample"]["after"],
        "calibration": evaluated["calibration"],
        "beside_majority": evaluated["against"]["majority"]["words"],
        "roc_auc": evaluated["roc_auc"],
    }
    text = json.dumps(result, indent=2)
    (Path(__file__).parent / "results.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
