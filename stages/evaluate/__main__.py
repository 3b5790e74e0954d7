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
from strata.labels import Labels
from strata.model import checkpoint
from strata.settings.params import Params
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    from stages.evaluate.outputs import Measured
    from stages.evaluate.predictions import Predictions
    from stages.evaluate.scorer import Scorer


def parse(argv: list[str] | None) -> argparse.Namespace:
    inputs = ("--model", "--tokens", "--split", "--resample", "--labels", "--baseline", "--training")
    return command_line.arguments(__doc__, argv, *inputs, "--out", "--metrics", "--plots")


def scorers(args: argparse.Namespace, settings: Params, labels: Labels) -> tuple["Scorer", "Scorer"]:
    """Load the fine-tuned model, and the checkpoint it started from with the head that it started with."""
    from stages.evaluate.scorer import Scorer, load
    from strata.model import classifier

    untuned, _ = classifier.load(checkpoint.locate(settings.model), args.model, labels, settings.seed)
    batch_size = settings.evaluate.batch_size
    tuned, untuned = (Scorer(model, args.model, batch_size) for model in (load(args.model), untuned))
    return tuned, untuned


def behaviour_of(scorer: "Scorer", inputs: Inputs, predictions: "Predictions", settings: Params) -> dict[str, dict]:
    """Change test texts, and return how often the model's prediction changes, by kind of change."""
    from stages.evaluate.behaviour import prediction_changes

    calibration, threshold = predictions.fit.calibration, predictions.fit.threshold

    def classify(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        probabilities = calibration.probabilities(scorer.logits(scorer.token_ids(texts)))
        return probabilities, decide(probabilities, inputs.labels.positive_id, threshold)

    texts, annotations = inputs.texts["text"].tolist(), inputs.texts["annotation"].tolist()
    rows, size = predictions.rows["test"], settings.evaluate.behaviour_rows
    return prediction_changes(rows, texts, annotations, classify, size, settings.seed, inputs.in_english)


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
    print(f"evaluate: beside TF-IDF, {measures.verdict('tfidf')['words']}")
    if not in_english:
        skipped = ", ".join([*error_kinds.ENGLISH, *text_changes.ENGLISH])
        print(f"evaluate: the test texts are not in English, so what works by English words is skipped: {skipped}")


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    settings, _ = read_settings(args.params, args.recipes)
    inputs, goal = read_inputs(args, settings), settings.evaluate.goal
    # these imports take seconds, so that a wrong parameter or a missing file is reported before them
    from stages.evaluate import cautions, failures, outputs
    from stages.evaluate.measure import measure
    from stages.evaluate.predictions import predict

    scorer, untuned = scorers(args, settings, inputs.labels)
    predictions = predict(scorer, untuned, inputs, goal)
    test, validation = predictions.rows["test"], predictions.rows["validation"]
    measures = measure(predictions, inputs.baselines, inputs.labels, settings.seed)
    facts = cautions.Facts(measures, test, validation, inputs.labels, goal, inputs.training)
    measured = outputs.Measured(
        measures=measures,
        cautions=cautions.cautions(facts),
        behaviour=behaviour_of(scorer, inputs, predictions, settings),
        failures=failures.tables(test, inputs, scorer, settings.evaluate.explained_errors),
    )
    with files.replace_folder(args.out) as out, files.replace_folder(args.plots) as plots:
        outputs.write_folder(out, predictions, measured, goal)
        outputs.write_plots(plots, predictions, measured, inputs.labels)
    files.write_metrics(args.metrics, measures.metrics())
    print_summary(measured, inputs.in_english)


if __name__ == "__main__":
    command_line.run(main, "evaluate")
