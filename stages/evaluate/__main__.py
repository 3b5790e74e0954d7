"""Score the fine-tuned model: how good it is, with intervals, where it fails, and whether small edits change its mind.

    python -m stages.evaluate --params params.yaml --recipes recipes --model models/train --tokens data/tokenize \
        --split data/split --resample data/resample --labels data/standardize/labels.json --baseline data/baseline \
        --training plots/train --out data/evaluate --metrics metrics/evaluate.json --plots plots/evaluate

The metrics are headline scores of test rows. Among the plots, scores.csv has all of them with intervals, also those of
validation rows and of a sample of training rows, labels.csv those of each label, verdicts.csv the comparison with other
models. Calibration and threshold are fitted on validation rows and written to calibration.json; all probabilities and
predictions are calibrated and decided with them. Also writes predictions.parquet, notes.json with what must be said
first, and tables of errors, slices and rows that are probably mislabelled.
"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from stages.evaluate.inputs import Inputs, read_inputs
from strata.base import command_line, files
from strata.decision import decide
from strata.settings.params import Params
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    from stages.evaluate.models import Models
    from stages.evaluate.outputs import Measured
    from stages.evaluate.predictions import Predictions


def parse(argv: list[str] | None) -> argparse.Namespace:
    inputs = ("--model", "--tokens", "--split", "--resample", "--labels", "--baseline", "--training")
    return command_line.arguments(__doc__, argv, *inputs, "--out", "--metrics", "--plots")


def behaviour_of(models: "Models", inputs: Inputs, predictions: "Predictions", settings: Params) -> dict[str, dict]:
    """Change test texts, and return how often the model's prediction changes, by kind of change."""
    from stages.evaluate.behaviour import prediction_changes

    calibration, threshold = predictions.fit.calibration, predictions.fit.threshold

    def classify(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        probabilities = calibration.probabilities(models.scorer.of_texts(texts))
        return probabilities, decide(probabilities, inputs.labels.positive_id, threshold)

    texts, annotations = inputs.texts["text"].tolist(), inputs.texts["annotation"].tolist()
    rows, size = predictions.rows["test"], settings.evaluate.behaviour_rows
    return prediction_changes(rows, texts, annotations, classify, size, settings.seed, inputs.in_english)


def measurements(models: "Models", predictions: "Predictions", inputs: Inputs, settings: Params) -> "Measured":
    """Return all that is measured of the model that ships, and what each kind gives."""
    from stages.evaluate import cautions, failures, kinds, outputs
    from stages.evaluate.measure import measure

    goal, ships = settings.evaluate.goal, models.ships.name
    test, validation = predictions.rows["test"], predictions.held_out
    lines = kinds.compared(models.kinds, ships, inputs, goal, settings.seed)
    baselines = {name: values for name, values in inputs.baselines.items() if name != ships}
    measures = measure(predictions, baselines, inputs.labels, settings.seed, lines)
    facts = cautions.Facts(measures, test, validation, inputs.labels, goal, inputs.training)
    return outputs.Measured(
        measures=measures,
        cautions=cautions.cautions(facts),
        behaviour=behaviour_of(models, inputs, predictions, settings),
        failures=failures.tables(test, inputs, models.scorer, settings.evaluate.explained_errors),
        advice=kinds.advice(lines, ships),
    )


def print_summary(measured: "Measured", in_english: bool) -> None:
    """Print what must be said first, the scores of each split, the verdict, and what was skipped."""
    from stages.evaluate import error_kinds, text_changes

    for sentence in measured.cautions:
        print(f"evaluate: CAUTION: {sentence}")
    measures = measured.measures
    for name in ("train", "validation", "test"):
        values = measures.scores["fp32", name]
        interval = values["interval"]["accuracy"]
        bounds = f" ({interval['low']:.3f} to {interval['high']:.3f})" if interval else ""
        print(
            f"evaluate: {name} {values['rows']:,} rows, accuracy {values['accuracy']:.3f}{bounds}, "
            f"f1_macro {values['f1_macro']:.3f}"
        )
    if "tfidf" in set(measures.verdicts["model"]):
        print(f"evaluate: beside TF-IDF, {measures.verdict('tfidf')['words']}")
    for line in measures.kinds:
        print(f"evaluate: {line.sentence}")
    if measured.advice:
        print(f"evaluate: {measured.advice}")
    if not in_english:
        skipped = ", ".join([*error_kinds.ENGLISH, *text_changes.ENGLISH])
        print(f"evaluate: the test texts are not in English, so what works by English words is skipped: {skipped}")


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    settings, _ = read_settings(args.params, args.recipes)
    inputs, goal = read_inputs(args, settings), settings.evaluate.goal
    # these imports take seconds, so that a wrong parameter or a missing file is reported before them
    from stages.evaluate import outputs
    from stages.evaluate.models import load
    from stages.evaluate.predictions import predict

    models = load(args, settings, inputs)
    predictions = predict(models.ships, models.untuned, inputs, goal)
    measured = measurements(models, predictions, inputs, settings)
    with files.replace_folder(args.out) as out, files.replace_folder(args.plots) as plots:
        outputs.write_folder(out, predictions, measured, models, goal)
        outputs.write_plots(plots, predictions, measured, inputs.labels)
    files.write_metrics(args.metrics, measured.measures.metrics())
    print_summary(measured, inputs.in_english)


if __name__ == "__main__":
    command_line.run(main, "evaluate")
