"""Load what model.kind says that ships, score the rows of all splits with it, and with what the other kinds need."""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.evaluate import kinds
from stages.evaluate.inputs import Inputs
from stages.evaluate.predictions import Kind
from stages.evaluate.stack import Weights
from stages.evaluate.text_scorers import StackScorer, TextScorer, TfidfScorer
from strata.base import files, tables
from strata.calibration import Calibration
from strata.model import checkpoint, classifier
from strata.model_kinds import KINDS, TFIDF, TRANSFORMER
from strata.settings.params import Params
from strata.text.annotation import annotated
from strata.tfidf.fitted import Fitted, read_fitted


class Models(NamedTuple):
    """The model that ships, and the others.

    untuned: logits of the test rows by the checkpoint with the head that training started with; None where no
    transformer was trained. weights: of a stack that ships, else None. fitted: TF-IDF, where it is part of what ships.
    """

    ships: Kind
    others: list[Kind]
    untuned: np.ndarray | None
    weights: Weights | None
    scorer: TextScorer
    fitted: Fitted | None = None

    @property
    def kinds(self) -> list[Kind]:
        """All of them, in the order of KINDS."""
        return sorted([self.ships, *self.others], key=lambda kind: KINDS.index(kind.name))

    def write(self, folder: Path) -> None:
        """Write the kind that ships and, where it is part of that, TF-IDF, for quantize."""
        folder.mkdir()
        files.write_json(folder / "kind.json", {"kind": self.ships.name})
        if self.fitted:
            self.fitted.write(folder)

    def parts(self, temperature: float) -> dict[str, Calibration]:
        """Return by model of a stack the calibration whose logits add up to the stack's, divided by its temperature.

        Up to a number that is the same for all labels of a row, which softmax does not see.
        """
        by_name = {kind.name: kind for kind in self.others}
        return {
            name: Calibration(temperature / weight, weight / temperature * by_name[name].shift)
            for name, weight in (self.weights._asdict() if self.weights else {}).items()
        }


def load(args: argparse.Namespace, settings: Params, inputs: Inputs) -> Models:
    """Score with every kind of model that there is: without a trained transformer, with TF-IDF alone."""
    ships = settings.model.kind
    simple = TfidfScorer(read_fitted(args.baseline)) if ships != TRANSFORMER else None
    log_probabilities = dict(inputs.tfidf)
    if simple:  # the model that ships is scored on training rows, too
        log_probabilities["train"] = simple.of_texts(training_texts(args, inputs))
    tfidf = kinds.tfidf(log_probabilities, inputs.prior)
    if ships == TFIDF:
        return Models(tfidf, [], None, None, simple, simple.fitted)
    tuned, untuned = scorers(args, settings, inputs)
    transformer = kinds.transformer(
        {name: tuned.logits(rows.input_ids) for name, rows in inputs.tokens.items()}, inputs.prior
    )
    before = untuned.logits(inputs.tokens["test"].input_ids)
    stack, weights = kinds.stacked(transformer, tfidf, inputs, settings.seed)
    if ships == TRANSFORMER:
        return Models(transformer, [tfidf, stack], before, None, tuned)

    def of_texts(texts: list[str]) -> np.ndarray:
        parts = transformer._replace(logits={"test": tuned.of_texts(texts)})
        return weights.logits(
            kinds.natural(parts, "test"), kinds.natural(tfidf._replace(logits={"test": simple.of_texts(texts)}), "test")
        )

    return Models(stack, [transformer, tfidf], before, weights, StackScorer(of_texts, tuned), simple.fitted)


def scorers(args: argparse.Namespace, settings: Params, inputs: Inputs) -> tuple:
    """Load the fine-tuned model, and the checkpoint it started from with the head that it started with."""
    from stages.evaluate.scorer import Scorer, load

    folder = checkpoint.locate(settings.model.checkpoint, settings.model.revision, settings.model.sha256)
    untuned, _ = classifier.load(folder, args.model, inputs.labels, settings.seed)
    return tuple(Scorer(part, args.model, settings.evaluate.batch_size) for part in (load(args.model), untuned))


def training_texts(args: argparse.Namespace, inputs: Inputs) -> list[str]:
    """Return the texts of the training rows that are scored, as they were before resampling."""
    rows = tables.read(args.split / "train.parquet").set_index("id").loc[inputs.tokens["train"].id]
    return annotated(rows["text"], rows["annotation"])
