"""Steps of the train stage, and the seconds that each took.

    python -m benchmarks.train.strata 60

Reads data/tokenize. Prints JSON: rows, tokens and seconds of each step.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from stages.train import batches, dropout
from stages.train.process_group import ProcessGroup
from stages.train.snapshot import Snapshots
from stages.train.training import Training
from strata.labels import read_labels
from strata.model import checkpoint
from strata.model.classifier import load
from strata.model.precision import choose
from strata.model.tokens import read_tokens
from strata.settings.reader import read_settings

from . import ROOT


def main() -> None:
    settings, _ = read_settings(ROOT / "params.yaml", ROOT / "recipes")
    train = settings.train
    labels = read_labels(ROOT / "data/standardize/labels.json")
    classifier, _ = load(checkpoint.locate(settings.model), ROOT / "data/tokenize/tokenizer", labels, settings.seed)
    group = ProcessGroup(1)
    classifier.to(group.device).train()
    if group.device.type == "cpu":
        dropout.speed_up(classifier)
    rows = read_tokens(ROOT / "data/tokenize/train")
    lengths = np.array([len(ids) for ids in rows.input_ids])
    planned = batches.steps(lengths, settings.seed, train.epochs, train.batch_size, None, 1)
    training = Training(classifier, {"train": rows}, labels, train, choose(train.precision), group)
    taken = {"rows": [], "tokens": [], "seconds": []}
    with tempfile.TemporaryDirectory() as folder:
        snapshots = Snapshots(Path(folder), "run", settings.snapshots, is_writer=True, parent=os.getppid())
        for step in planned[: int(sys.argv[1])]:
            start = time.perf_counter()
            torch.manual_seed(training.counters.step)
            training.step(step, train.lr / 100, snapshots)
            taken["seconds"].append(time.perf_counter() - start)
            taken["rows"].append(sum(map(len, step)))
            taken["tokens"].append(int(lengths[np.concatenate(step)].sum()))
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
