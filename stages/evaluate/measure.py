"""The metrics of evaluate, as metrics/evaluate.json holds them."""

import numpy as np

from stages.evaluate import label_noise
from stages.evaluate.metric import ClassificationScores
from stages.evaluate.predictions import Predictions
from stages.evaluate.scored_rows import ScoredRows
from strata.intervals.bootstrap import intervals
from strata.intervals.significance import paired_comparison
from strata.labels import Labels

OF_CALIBRATION = ("ece", "brier", "log_loss")  # the metrics that calibration should improve


def split_metrics(rows: ScoredRows, positive: int | None, threshold: float | None, seed: int) -> dict:
    """Return a split's scores, computed by Hugging Face's evaluate, their intervals and the number of rows."""
    scores = ClassificationScores(keep_in_memory=True).compute(
        predictions=rows.probabilities.tolist(), references=rows.label.tolist(), positive=positive, threshold=threshold
    )
    interval = intervals(rows.label, rows.probabilities, positive, rows.unit, seed, rows.predicted)
    return scores | {"rows": len(rows.id), "interval": interval}


def measure(
    predictions: Predictions, baselines: dict[str, np.ndarray], goal: str | None, labels: Labels, seed: int
) -> dict:
    """Return the metrics: those of test rows, and under their names those of validation and training rows, and more.

    baselines: probabilities of the test rows, (rows, labels), by name. goal: evaluate.goal.
    """
    positive, fit, test = labels.positive_id, predictions.fit, predictions.rows["test"]
    of_split = {name: split_metrics(rows, positive, fit.threshold, seed) for name, rows in predictions.rows.items()}
    before, after = split_metrics(predictions.uncalibrated, positive, None, seed), of_split.pop("test")
    return after | {
        **of_split,
        "untuned": split_metrics(predictions.untuned, positive, None, seed),
        "against": {
            name: paired_comparison(
                test.label, test.probabilities, probabilities, positive, test.unit, seed, test.predicted
            )
            for name, probabilities in (baselines | {"untuned": predictions.untuned.probabilities}).items()
        },
        "calibration": {
            "temperature": fit.calibration.temperature,
            "shift": dict(zip(labels.names, fit.calibration.shift.tolist(), strict=True)),
            "before": {name: before[name] for name in OF_CALIBRATION},
            "after": {name: after[name] for name in OF_CALIBRATION},
        },
        "decision": {"goal": goal, "threshold": fit.threshold},
        "label_noise": {
            "suspects": len(label_noise.suspects(test.id, test.label, test.probabilities)),
            "share": label_noise.noise_share(test.label, test.probabilities),
            "check": label_noise.check(test.id, test.label, test.probabilities, seed),
        },
    }
