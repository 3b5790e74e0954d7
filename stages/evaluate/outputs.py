"""What evaluate writes beside its metrics: predictions, calibration, tables of failures, and curves."""

import csv
from pathlib import Path

import pandas as pd

from stages.evaluate import threshold
from stages.evaluate.predictions import Predictions
from stages.evaluate.scored_rows import SCHEMA, frame
from strata import curves
from strata.base import files, tables
from strata.base.spreadsheet import guarded_table
from strata.calibration import write_calibration
from strata.labels import Labels


def write_folder(folder: Path, predictions: Predictions, failures: dict[str, pd.DataFrame], goal: str | None) -> None:
    """Write predictions.parquet, calibration.json, and each table of failures, by name, as CSV. goal: evaluate.goal."""
    tables.write_frame(folder / "predictions.parquet", frame(predictions.rows), SCHEMA)
    write_calibration(folder / "calibration.json", predictions.fit.calibration, goal, predictions.fit.threshold)
    for name, table in failures.items():
        # quoted, since a lone carriage return in a text would end its line
        guarded_table(table).to_csv(folder / f"{name}.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)


def write_plots(plots: Path, predictions: Predictions, slices: pd.DataFrame, labels: Labels) -> None:
    """Write the curves of the test rows, and of the threshold on validation rows. slices: of `failures`."""
    test = predictions.rows["test"]
    curves.write(plots, labels, test.label, test.probabilities)
    files.write_curve(plots / "confusion.csv", curves.confusion(labels, test.label, test.predicted))
    before = curves.reliability(test.label, predictions.uncalibrated.probabilities, labels.positive_id)
    files.write_curve(plots / "reliability_before.csv", before)
    files.write_curve(plots / "threshold.csv", threshold.thinned(predictions.fit.threshold_curve))
    lengths = slices.query("kind == 'length'").rename(columns={"name": "length"})
    files.write_curve(plots / "score_by_length.csv", lengths[["length", "rows", "accuracy", "low", "high"]])
