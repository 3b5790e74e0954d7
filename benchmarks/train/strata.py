"""Time the optimizer steps of the stage train.

    python -m benchmarks.train.strata 60
    python -m benchmarks.train.strata 60 dropout      # with one CPU optimization off

Reads data/tokenize. Prints as JSON the rows, tokens and seconds of each step.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from stages.train import dropout, trainable
from stages.train.plan import plan
from stages.train.training import Training
from strata.labels import read_labels
from strata.model import checkpoint
from strata.model.precision import choose
from strata.model.tokens import read_tokens
from strata.settings.params import Params
from strata.settings.reader import read_settings
from strata.training import run
from strata.training.plan import Plan, Step
from strata.training.process_group import ProcessGroup
from strata.training.snapshot import Snapshots

from . import ROOT


def turn_off(name: str) -> None:
    """Turn off one CPU optimization: fast dropout, or activations that stay in bf16."""
    if name == "dropout":
        dropout.speed_up = lambda model: None
    elif name == "activations":
        run.keep_activations_in_bf16 = lambda model: None
    else:
        raise ValueError(f"{name}: must be dropout or activations")


def prepare(root: Path, settings: Params) -> Training:
    """Return a training run of a project's rows in this process. root: the project."""
    labels, tokens = read_labels(root / "data/standardize/labels.json"), root / "data/tokenize"
    process_group = ProcessGroup(1)
    model, _ = trainable.load(
        checkpoint.locate(settings.model.checkpoint, settings.model.revision, settings.model.sha256),
        tokens / "tokenizer",
        labels,
        settings.train,
        settings.seed,
        process_group.device,
    )
    splits = {name: read_tokens(tokens / name) for name in ("train", "validation")}
    precision = choose(settings.train.precision)
    return Training(model.train(), splits, labels, settings.train, precision, process_group)


def steps(training: Training, settings: Params, planned: Plan) -> Iterator[None]:
    """Take all steps as the stage does, and yield after each. No state is saved."""
    never = settings.snapshots.model_copy(update={"minutes": 1e9, "steps": None})
    with tempfile.TemporaryDirectory() as folder:
        snapshots = Snapshots("train", Path(folder), "run", never, is_writer=True, parent=os.getppid())
        for _ in training.run.steps(planned, settings.seed, snapshots):
            yield


def at_one_rate(batches: Iterable[Step], lr: float) -> Plan:
    """Return a plan of these steps at a constant learning rate, without a loss curve."""
    batches = list(batches)
    return Plan(batches, [lr] * len(batches), point_every=len(batches) + 1)


def main() -> None:
    settings, _ = read_settings(ROOT / "params.yaml", ROOT / "recipes")
    for name in sys.argv[2:]:
        turn_off(name)
    training = prepare(ROOT, settings)
    lengths = training.splits["train"].lengths
    batches = plan(lengths, settings.seed, settings.train, training.run.device.type).batches[: int(sys.argv[1])]
    measured = {"rows": [], "tokens": [], "seconds": []}
    start = time.perf_counter()
    for step, _ in zip(batches, steps(training, settings, at_one_rate(batches, settings.train.lr / 100)), strict=True):
        measured["seconds"].append(time.perf_counter() - start)
        measured["rows"].append(sum(map(len, step)))
        measured["tokens"].append(int(lengths[np.concatenate(step)].sum()))
        start = time.perf_counter()
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
