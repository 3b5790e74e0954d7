"""Calibration error before and after the calibration of the default model, on a task with 5% positive rows.

    python -m benchmarks.calibration

The training rows are undersampled to equal labels, so the model's prior is wrong until `evaluate` corrects it. The task
is Rotten Tomatoes, with positive rows dropped after `standardize`. Writes benchmarks/calibration/results.json, with the
calibration on test rows from plots/evaluate/scores.csv.
"""

import json
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.pipeline import prepare, run, stages_up_to, verdict
from strata.base import tables
from strata.base.files import read_json

RECIPE, POSITIVE_SHARE, SEED = "rotten_tomatoes", 0.05, 42
SETTINGS = {"resample": {"strategy": "undersample"}, "train": {"epochs": 10, "best_metric": "roc_auc"}}


def drop_positive_rows(path: Path) -> None:
    """Drop positive rows from a table at random, until their share is POSITIVE_SHARE."""
    rows = tables.read(path)
    negative, positive = rows[rows["label"] == 0], rows[rows["label"] == 1]
    count = round(len(negative) * POSITIVE_SHARE / (1 - POSITIVE_SHARE))
    kept = pd.concat([negative, positive.sample(count, random_state=SEED)])
    tables.write_frame(path, kept.sort_values("id"), tables.schema(path))


def main() -> None:
    metrics = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, RECIPE, SETTINGS)
        for stage in stages_up_to("evaluate"):
            metrics[stage] = run(folder, RECIPE, stage)
            if stage == "standardize":
                drop_positive_rows(folder / "data/standardize/train.parquet")
        beside_majority = verdict(folder, "majority")
        temperature = read_json(folder / "data/evaluate/calibration.json")["temperature"]
    scores = metrics["evaluate"]["scores"]
    of_calibration = {
        when: {name: scores[model, "test"][name] for name in ("ece", "brier", "log_loss")}
        for when, model in (("before", "uncalibrated"), ("after", "fp32"))
    }
    results = {
        "rows": {split: metrics["split"][split]["labels"] for split in ("train", "validation", "test")},
        "after_resampling": metrics["resample"]["after"],
        "calibration": {"temperature": temperature} | of_calibration,
        "beside_majority": beside_majority,
        "roc_auc": scores["fp32", "test"]["roc_auc"],
    }
    text = json.dumps(results, indent=2)
    (Path(__file__).parent / "results.json").write_text(f"{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
