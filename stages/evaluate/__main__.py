"""Score the fine-tuned model: how good it is, with intervals, where it fails, and whether small edits change its mind.

    python -m stages.evaluate --params params.yaml --recipes recipes --model models/train --tokens data/tokenize \
        --split data/split --resample data/resample --labels data/standardize/labels.json --baseline data/baseline \
        --out data/evaluate --metrics metrics/evaluate.json --plots plots/evaluate

The metrics are those of test rows; those of validation rows and of a sample of training rows stand under their names.
Calibration and threshold are fitted on validation rows and written to calibration.json; all probabilities and
predictions are calibrated and decided with them. Also writes predictions.parquet, and tables of errors, slices and rows
whose label looks wrong.
"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from stages.evaluate.inputs import Inputs, read_inputs
from strata.base import command_line, files
from strata.decision import decide
from strata.labels import Labels
from strata.model import checkpoint
from strata.settings.params import Params
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    from stages.evaluate.predictions import Predictions
    from stages.evaluate.scorer import Scorer


def parse(argv: list[str] | None) -> argparse.Namespace:
    inputs = ("--model", "--tokens", "--split", "--resample", "--labels", "--baseline")
    return command_line.arguments(__doc__, argv, *inputs, "--out", "--metrics", "--plots")


def scorers(args: argparse.Namespace, settings: Params, labels: Labels) -> tuple["Scorer", "Scorer"]:
    """Load the fine-tuned model, and the checkpoint it started from with the head that it started with."""
    from stages.evaluate.scorer import Scorer, load
    from strata.model import classifier

    untuned, _ = classifier.load(checkpoint.locate(settings.model), args.model, labels, settings.seed)
    batch_size, max_length = settings.evaluate.batch_size, settings.tokenize.max_length
    tuned, untuned = (Scorer(model, args.model, batch_size, max_length) for model in (load(args.model), untuned))
    return tuned, untuned


def behaviour_metrics(scorer: "Scorer", inputs: Inputs, predictions: "Predictions", settings: Params) -> dict:
    """Change test texts, and return how often the model's prediction changes, by kind of change."""
    from stages.evaluate.behaviour import prediction_changes

    calibration, threshold = predictions.fit.calibration, predictions.fit.threshold

    def classify(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        probabilities = calibration.probabilities(scorer.logits(scorer.token_ids(texts)))
        return probabilities, decide(probabilities, inputs.labels.positive_id, threshold)

    texts, annotations = inputs.texts["text"].tolist(), inputs.texts["annotation"].tolist()
    rows, size = predictions.rows["test"], settings.evaluate.behaviour_rows
    return prediction_changes(rows, texts, annotations, classify, size, settings.seed)


def print_summary(metrics: dict) -> None:
    for name, values in (("train", metrics["train"]), ("validation", metrics["validation"]), ("test", metrics)):
        interval = values["interval"]["accuracy"]
        bounds = f" ({interval['low']:.3f} to {interval['high']:.3f})" if interval else ""
        print(
            f"evaluate: {name} {values['rows']:,} rows, accuracy {values['accuracy']:.3f}{bounds}, "
            f"f1_macro {values['f1_macro']:.3f}"
        )
    print(f"evaluate: beside TF-IDF, {metrics['against']['tfidf']['words']}")


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    settings, _ = read_settings(args.params, args.recipes)
    inputs, goal = read_inputs(args, settings), settings.evaluate.goal
    # these imports take seconds, so that a wrong parameter or a missing file is reported before them
    from stages.evaluate import failures, outputs
    from stages.evaluate.measure import measure
    from stages.evaluate.predictions import predict

    scorer, untuned = scorers(args, settings, inputs.labels)
    predictions = predict(scorer, untuned, inputs, goal)
    tables = failures.tables(predictions.rows["test"], inputs, scorer, settings.evaluate.explained_errors)
    metrics = measure(predictions, inputs.baselines, goal, inputs.labels, settings.seed)
    metrics["behaviour"] = behaviour_metrics(scorer, inputs, predictions, settings)
    with files.replace_folder(args.out) as out, files.replace_folder(args.plots) as plots:
        outputs.write_folder(out, predictions, tables, goal)
        outputs.write_plots(plots, predictions, tables["slices"], inputs.labels)
    files.write_metrics(args.metrics, metrics)
    print_summary(metrics)


if __name__ == "__main__":
    command_line.run(main, "evaluate")
