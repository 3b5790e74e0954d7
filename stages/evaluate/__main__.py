"""Score the fine-tuned model: how good it is, how sure that is, where it fails, and what makes it change its mind.

    python -m stages.evaluate --params params.yaml --recipes recipes --model models/train --tokens data/tokenize \
        --split data/split --resample data/resample --labels data/standardize/labels.json --baseline data/baseline \
        --out data/evaluate --metrics metrics/evaluate.json --plots plots/evaluate

The metrics are those of the test rows, with those of validation rows and of some training rows under their names.
Calibration and threshold are chosen on validation rows and written to calibration.json; probabilities and predictions
are what they make of the model's logits. Writes predictions.parquet, and tables of errors, slices and rows to look at.
"""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stages.evaluate import behaviour, label_noise, threshold
from strata import curves
from strata.annotation import annotated
from strata.base import command_line, files, tables
from strata.base.errors import StrataError
from strata.decision import decide
from strata.intervals.bootstrap import intervals
from strata.intervals.significance import compare
from strata.labels import Labels, read_labels
from strata.model import checkpoint
from strata.prior import read_prior_shift
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    from stages.evaluate.rows import ScoredRows
    from stages.evaluate.scoring import Scored

CALIBRATED = ("ece", "brier", "log_loss")  # scores that calibration is for


def scored(rows: "ScoredRows", positive: int | None, at: float | None, seed: int) -> dict:
    """Return a split's scores, by Hugging Face's evaluate, with their intervals. at: the threshold."""
    from stages.evaluate.metric import ClassificationScores

    found = ClassificationScores(keep_in_memory=True).compute(
        predictions=rows.probabilities.tolist(), references=rows.label.tolist(), positive=positive, threshold=at
    )
    ends = intervals(rows.label, rows.probabilities, positive, rows.unit, seed, rows.predicted)
    return found | {"rows": len(rows.id), "interval": ends}


def measured(found: "Scored", baseline: dict[str, np.ndarray], wanted: str | None, labels: Labels, seed: int) -> dict:
    """Return the metrics but for behaviour and label noise. baseline: (rows, labels) of the test rows, by name."""
    positive, test = labels.positive_id, found.rows["test"]
    of = {name: scored(rows, positive, found.threshold, seed) for name, rows in found.rows.items()}
    before, after = scored(found.raw, positive, None, seed), of.pop("test")
    return after | {
        **of,
        "untuned": scored(found.untuned, positive, None, seed),
        "against": {
            name: compare(test.label, test.probabilities, shares, positive, test.unit, seed, test.predicted)
            for name, shares in (baseline | {"untuned": found.untuned.probabilities}).items()
        },
        "calibration": {
            "temperature": found.calibration.temperature,
            "shift": dict(zip(labels.names, found.calibration.shift.tolist(), strict=True)),
            "before": {name: before[name] for name in CALIBRATED},
            "after": {name: after[name] for name in CALIBRATED},
        },
        "decision": {"goal": wanted, "threshold": found.threshold},
    }


def write(
    found: "Scored", listed: dict[str, pd.DataFrame], wanted: str | None, labels: Labels, out: Path, plots: Path
) -> None:
    """Write the predictions, calibration, tables and curves."""
    from stages.evaluate.rows import SCHEMA, frame

    test = found.rows["test"]
    tables.write_frame(out / "predictions.parquet", frame(found.rows), SCHEMA)
    files.write_json(
        out / "calibration.json",
        {
            "temperature": found.calibration.temperature,
            "shift": found.calibration.shift.tolist(),
            "goal": wanted,
            "threshold": found.threshold,
        },
    )
    for name, table in listed.items():
        # quoted, since a lone carriage return in a text would end its line
        table.to_csv(out / f"{name}.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)
    curves.write(plots, labels, test.label, test.probabilities)
    files.write_curve(plots / "confusion.csv", curves.confusion(labels, test.label, test.predicted))
    before = curves.reliability(test.label, found.raw.probabilities, labels.positive_id)
    files.write_curve(plots / "reliability_before.csv", before)
    files.write_curve(plots / "threshold.csv", threshold.thinned(found.points))
    lengths = listed["slices"].query("kind == 'length'").rename(columns={"name": "length"})
    files.write_curve(plots / "score_by_length.csv", lengths[["length", "rows", "accuracy", "low", "high"]])


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(
        __doc__,
        argv,
        "--model",
        "--tokens",
        "--split",
        "--resample",
        "--labels",
        "--baseline",
        "--out",
        "--metrics",
        "--plots",
    )
    settings, _ = read_settings(args.params, args.recipes)
    knobs, seed, labels = settings.evaluate, settings.seed, read_labels(args.labels)
    if knobs.goal and labels.positive is None:
        raise StrataError(
            f"evaluate.goal is {knobs.goal}, but {len(labels.names)} labels have no one threshold; set it to null"
        )
    unit = tables.read(args.split / "units.parquet").set_index("id")["unit"]
    prior = read_prior_shift(args.resample / "prior.json")
    # these imports take seconds, so a wrong parameter is told before them
    from stages.evaluate import failures
    from stages.evaluate.scorer import Scorer, load
    from stages.evaluate.scoring import score
    from strata.model import classifier
    from strata.model.tokens import read_tokens

    start, _ = classifier.load(checkpoint.locate(settings.model), args.model, labels, seed)
    scorer, untuned = (
        Scorer(model, args.model, knobs.batch_size, settings.tokenize.max_length) for model in (load(args.model), start)
    )
    train, validation, test = (read_tokens(args.tokens / name).distinct() for name in ("train", "validation", "test"))
    train = train.at(behaviour.chosen(train.id, knobs.train_rows, seed))
    found = score(
        scorer,
        untuned,
        {"train": train, "validation": validation, "test": test},
        unit,
        prior.training,
        prior.training_rows,
        knobs.goal,
        labels,
    )
    baseline = tables.read(args.baseline / "predictions.parquet").set_index("id").loc[test.id]
    others = {name: np.stack(baseline[name]) for name in ("majority", "tfidf")}
    texts = tables.read(args.split / "test.parquet").set_index("id").loc[test.id].reset_index()
    own, annotation = texts["text"].tolist(), texts["annotation"].tolist()
    named = texts.filter(like=tables.ATTRIBUTE)
    texts["text"] = annotated(own, annotation)
    mine = found.rows["test"]
    listed = failures.tables(mine, texts, own, named, others["tfidf"], scorer, labels, knobs.explained_errors)
    metrics = measured(found, others, knobs.goal, labels, seed) | {
        "label_noise": {
            "suspects": len(listed["suspects"]),
            "share": label_noise.share(mine.label, mine.probabilities),
            "check": label_noise.check(mine.id, mine.label, mine.probabilities, seed),
        },
        "behaviour": behaviour.behaviour(
            own,
            annotation,
            mine.id,
            mine.probabilities,
            lambda changed: found.calibration.probabilities(scorer.logits(scorer.token_ids(changed))),
            lambda shares: decide(shares, labels.positive_id, found.threshold),
            mine.unit,
            knobs.behaviour_rows,
            seed,
        ),
    }
    with files.replace_folder(args.out) as out, files.replace_folder(args.plots) as plots:
        write(found, listed, knobs.goal, labels, out, plots)
    files.write_metrics(args.metrics, metrics)
    for name, values in (("train", metrics["train"]), ("validation", metrics["validation"]), ("test", metrics)):
        ends = values["interval"]["accuracy"]
        sure = f" ({ends['low']:.3f} to {ends['high']:.3f})" if ends else ""
        print(
            f"evaluate: {name} {values['rows']:,} rows, accuracy {values['accuracy']:.3f}{sure}, "
            f"f1_macro {values['f1_macro']:.3f}"
        )
    print(f"evaluate: beside TF-IDF, {metrics['against']['tfidf']['words']}")


if __name__ == "__main__":
    command_line.run(main, "evaluate")
