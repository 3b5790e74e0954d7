"""Time the optimizer steps of the stage train.

    python -m benchmarks.train.strata 60

Reads data/tokenize. Prints as JSON the rows, tokens and seconds of each step.
"""

import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from stages.train import trainable
from stages.train.fine_tune import step_seed
from stages.train.plan import plan
from stages.train.process_group import ProcessGroup
from stages.train.snapshot import Snapshots
from stages.train.training import Training
from strata.labels import read_labels
from strata.model import checkpoint
from strata.model.precision import choose
from strata.model.tokens import read_tokens
from strata.settings.params import Params
from strata.settings.reader import read_settings

from . import ROOT


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


def steps(
    training: Training, settings: Params, batches: Iterable[list[np.ndarray]], learning_rates: Iterable[float]
) -> Iterator[None]:
    """Take an optimizer step for each element of `batches`, with the seed that the stage has, and yield after each."""
    with tempfile.TemporaryDirectory() as folder:
        snapshots = Snapshots(Path(folder), "run", settings.snapshots, is_writer=True, parent=os.getppid())
        for step, lr in zip(batches, learning_rates, strict=False):  # a rate may be repeated without end
            torch.manual_seed(step_seed(settings.seed, training.counters.step, 0))
            training.step(step, lr, snapshots)
            yield


def main() -> None:
    settings, _ = read_settings(ROOT / "params.yaml", ROOT / "recipes")
    training = prepare(ROOT, settings)
    lengths = training.splits["train"].lengths
    batches = plan(lengths, settings.seed, settings.train, training.device.type).batches[: int(sys.argv[1])]
    measured = {"rows": [], "tokens": [], "seconds": []}
    start = time.perf_counter()
    for step, _ in zip(
        batches, steps(training, settings, batches, itertools.repeat(settings.train.lr / 100)), strict=True
    ):
        measured["seconds"].append(time.perf_counter() - start)
        measured["rows"].append(sum(map(len, step)))
        measured["tokens"].append(int(lengths[np.concatenate(step)].sum()))
        start = time.perf_counter()
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
