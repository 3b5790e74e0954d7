"""Run a complete training, and measure the accuracy on validation rows over the time spent training.

    python -m benchmarks.train.quality strata
    python -m benchmarks.train.quality fair       # a Hugging Face Trainer with its best flags

Both take the steps and the learning rate of params.yaml. Scoring is not counted. Prints as JSON the seconds of training
up to each evaluation, and the accuracy there.
"""

import json
import sys
import time

import numpy as np
import torch
from transformers import TrainerCallback

from stages.evaluate.scorer import Scorer
from stages.train.plan import Plan, plan
from stages.train.validation import validation_probabilities
from strata.model.tokens import TokenizedRows, read_tokens
from strata.settings.params import Params
from strata.settings.reader import read_settings

from . import ROOT, notebook, strata


class Watch:
    """A clock that stands while rows are scored."""

    def __init__(self):
        self.curve, self.seconds, self.start = {"seconds": [], "accuracy": []}, 0.0, time.perf_counter()

    def stop(self) -> None:
        self.seconds += time.perf_counter() - self.start

    def go_on(self, is_correct: np.ndarray) -> None:
        self.curve["seconds"].append(round(self.seconds, 2))
        self.curve["accuracy"].append(round(float(is_correct.mean()), 4))
        self.start = time.perf_counter()


def of_strata(settings: Params, rows: TokenizedRows) -> dict:
    training = strata.prepare(ROOT, settings)
    planned = planned_steps(settings)
    steps = strata.steps(training, settings, planned)
    watch = Watch()
    for step, _ in enumerate(steps, 1):
        if step in planned.evaluations:
            watch.stop()
            watch.go_on(validation_probabilities(training).argmax(axis=1) == rows.label)
    return watch.curve


def of_trainer(settings: Params, rows: TokenizedRows) -> dict:
    planned, watch = planned_steps(settings), Watch()

    class Scoring(TrainerCallback):
        def on_step_end(self, args, state, control, model, **kwargs):
            if state.global_step in planned.evaluations:
                watch.stop()
                scorer = Scorer(model.eval(), ROOT / "models/train", batch_size=128)
                watch.go_on(scorer.logits(rows.input_ids).argmax(axis=1) == rows.label)
                model.train()

    trainer = notebook.prepare(ROOT, "fair", len(planned.batches), Scoring())
    watch.start = time.perf_counter()
    trainer.train()
    return watch.curve


def planned_steps(settings: Params) -> Plan:
    lengths = read_tokens(ROOT / "data/tokenize/train").lengths
    return plan(lengths, settings.seed, settings.train, "cuda" if torch.cuda.is_available() else "cpu")


def main() -> None:
    settings, _ = read_settings(ROOT / "params.yaml", ROOT / "recipes")
    rows = read_tokens(ROOT / "data/tokenize/validation")
    print(json.dumps({"strata": of_strata, "fair": of_trainer}[sys.argv[1]](settings, rows)))


if __name__ == "__main__":
    main()
