"""What evaluate writes beside its metrics: predictions, calibration, tables of failures, scores and curves."""

import csv
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from stages.evaluate import kinds, threshold
from stages.evaluate.measure import Measures
from stages.evaluate.models import Models
from stages.evaluate.predictions import Predictions
from stages.evaluate.scored_rows import SCHEMA, frame
from strata import curves, score_table
from strata.base import files, tables
from strata.base.spreadsheet import guarded_table
from strata.calibration import write_calibration
from strata.labels import Labels


class Measured(NamedTuple):
    """What evaluate has to write: scores, what must be said first, changed predictions, and tables of failures."""

    measures: Measures
    cautions: list[str]
    behaviour: dict[str, dict]  # by kind of change, as `prediction_changes` returns it
    failures: dict[str, pd.DataFrame]
    advice: str | None  # which kind of model the validation rows favour


def write_folder(folder: Path, predictions: Predictions, measured: Measured, models: Models, goal: str | None) -> None:
    """Write predictions.parquet, calibration.json, notes.json and the tables of failures. goal: evaluate.goal."""
    tables.write_frame(folder / "predictions.parquet", frame(predictions.rows), SCHEMA)
    models.write(folder / "ships")
    fit = predictions.fit
    parts = models.parts(fit.calibration.temperature)
    write_calibration(folder / "calibration.json", fit.calibration, goal, fit.threshold, parts)
    measures = measured.measures
    notes = {"cautions": measured.cautions, "label_noise": measures.label_noise, "advice": measured.advice}
    files.write_json(folder / "notes.json", notes | {"model_kinds": kinds.told(measures.kinds)})
    for name, table in measured.failures.items():
        # quoted, since a lone carriage return in a text would end its line
        guarded_table(table).to_csv(folder / f"{name}.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)


def write_plots(plots: Path, predictions: Predictions, measured: Measured, labels: Labels) -> None:
    """Write the scores, the curves of the test rows, and that of the threshold on validation rows."""
    test, fit, measures = predictions.rows["test"], predictions.fit, measured.measures
    files.write_curve(plots / "scores.csv", score_table.frame(measures.scores))
    files.write_curve(plots / "labels.csv", measures.labels)
    files.write_curve(plots / "verdicts.csv", measures.verdicts)
    changes = pd.DataFrame.from_dict(measured.behaviour, orient="index").rename_axis("change").reset_index()
    files.write_curve(plots / "behaviour.csv", changes)
    curves.write(plots, labels, test.label, test.probabilities, "fp32")
    files.write_curve(plots / "confusion.csv", curves.confusion(labels, test.label, test.predicted))
    stated = curves.confidence(test.label, test.probabilities, test.predicted, labels.positive_id)
    files.write_curve(plots / "confidence.csv", stated)
    before = curves.reliability(test.label, predictions.uncalibrated.probabilities, labels.positive_id)
    files.write_curve(plots / "reliability_before.csv", before.assign(model="uncalibrated"))
    chosen = fit.threshold if labels.positive else None  # with many labels, the curve is empty
    files.write_curve(plots / "threshold.csv", threshold.thinned(fit.threshold_curve).assign(chosen=chosen))
    lengths = measured.failures["slices"].query("kind == 'length'").rename(columns={"name": "length"})
    files.write_curve(plots / "score_by_length.csv", lengths[["length", "rows", "accuracy", "low", "high"]])
