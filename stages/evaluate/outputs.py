"""What evaluate writes beside its metrics: predictions, calibration, tables of failures, and curves."""

import csv
from pathlib import Path

import pandas as pd

from stages.evaluate import threshold
from stages.evaluate.predictions import Predictions
from stages.evaluate.scored_rows import SCHEMA, frame
from strata import curves
from strata.base import tables
from strata.calibration import write_calibration
from strata.labels import Labels


def write_folder(folder: Path, predictions: Predictions, failures: dict[str, pd.DataFrame], goal: str | None) -> None:
    """Write predictions.parquet, calibration.json, and each table of failures, by name, as CSV. goal: evaluate.goal."""
    tables.write_frame(folder / "predictions.parquet", frame(predictions.rows), SCHEMA)
    write_calibration(folder / "calibration.json", predictions.fit.calibration, goal, predictions.fit.threshold)
    for name, table in failures.items():
        # quoted, since a lone carriage return in a text would end its line
        table.to_csv(folder / f"{name}.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)


def write_plots(plots: Path, predictions: Predictions, slices: pd.DataFrame, labels: Labels) -> None:
    """Write the curves of the test rows, and of the threshold on validation rows. slices: of `failures`."""
    test = predictions.rows["test"]
    curves.write(plots, labels, test.label, test.probabilities)
    curves.confusion(labels, test.label, test.predicted).to_csv(plots / "confusion.csv", index=False)
    curves.reliability(test.label, predictions.uncalibrated.probabilities, labels.positive_id).to_csv(
        plots / "reliability_before.csv", index=False
    )
    threshold.thinned(predictions.fit.threshold_curve).to_csv(plots / "threshold.csv", index=False)
    lengths = slices.query("kind == 'length'").rename(columns={"name": "length"})
    lengths[["length", "rows", "accuracy", "low", "high"]].to_csv(plots / "score_by_length.csv", index=False)
