"""Fine-tune the checkpoint on the training rows; keep the weights that score best on validation rows.

    python -m stages.train --params params.yaml --recipes recipes --data data/tokenize \
        --labels data/standardize/labels.json --adapted models/adapt --out models/train --rows data/train \
        --metrics metrics/train.json --plots plots/train --snapshots snapshots

Writes a folder that transformers loads (safetensors, tokenizer, label names), the kept weights' probabilities of the
validation rows, and the curves of loss and validation scores by optimizer step. A run that was killed resumes from its
last snapshot and ends in the same bytes.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stages.train import launch
from strata import validation_rows
from strata.base import command_line, files
from strata.labels import Labels, read_labels
from strata.model import checkpoint, untrained
from strata.scoring import NAMES
from strata.settings.params import Params
from strata.settings.reader import read_settings
from strata.training.counters import Counters
from strata.training.launched import STARTED_BY, is_launched

if TYPE_CHECKING:
    from stages.train.training import Training
    from strata.training.process_group import ProcessGroup
    from strata.training.snapshot import Snapshots


def publish(counters: Counters, best_metric: str, plots: Path, metrics: Path) -> None:
    """Write the curves and scores so far, so that dvc plots and dvc exp show them during training.

    training.csv: step, loss, learning_rate. validation.csv: step, loss, every score, and kept, 1 for the best so far,
    else 0. best_metric: train.best_metric, whose best value so far is in the metrics.
    """
    import pandas as pd

    evaluations = [entry | {"kept": int(entry is counters.best)} for entry in counters.validation]
    for name, points, columns in (
        ("training", counters.training, ["step", "loss", "learning_rate"]),
        ("validation", evaluations, ["step", "loss", *NAMES, "kept"]),
    ):
        files.write_curve(plots / f"{name}.csv", pd.DataFrame(points, columns=columns))
    best = {f"val_{best_metric}": counters.best[best_metric]} if counters.best else {}
    files.write_metrics(metrics, {"steps": counters.step, "tokens": counters.tokens} | best)


def prepare(
    args: argparse.Namespace,
    settings: Params,
    labels: Labels,
    checkpoint_folder: Path,
    process_group: "ProcessGroup",
    parent: int,
) -> tuple["Training", "Snapshots"]:
    """Load rows and models; wait until no other process works on the same run. parent: as in `train`."""
    from stages.train import trainable
    from stages.train.teacher import check_teacher, learn_from
    from stages.train.training import Training
    from strata.model.precision import choose
    from strata.model.tokens import read_tokens
    from strata.training.run_key import run_key
    from strata.training.snapshot import Snapshots

    precision, device = choose(settings.train.precision), process_group.device
    splits = {name: read_tokens(args.data / name) for name in ("train", "validation")}
    model, tokenizer = trainable.load(
        checkpoint_folder, args.data / "tokenizer", labels, settings.train, settings.seed, device
    )
    teachers = [Path(folder) for folder in settings.train.teacher]
    for folder in teachers:
        check_teacher(folder, tokenizer, labels)
    decisive = {"seed": settings.seed, "train": settings.train.model_dump(), "on": f"{precision} {device.type}"}
    key = run_key("train", decisive, args.data, args.labels, checkpoint_folder, *teachers)
    snapshots = Snapshots("train", args.snapshots, key, settings.snapshots, process_group.is_first, parent)
    process_group.wait()
    training = Training(model, splits, labels, settings.train, precision, process_group)
    if teachers:
        learn_from(training, teachers)
    return training, snapshots


def train(args: argparse.Namespace, settings: Params, labels: Labels, checkpoint_folder: Path, parent: int) -> None:
    """Train in this process, alone or together with others. parent: id of the process that started this one."""
    import torch

    from stages.train import trainable
    from stages.train.events import Events
    from stages.train.fine_tune import fine_tune
    from strata.training.process_group import ProcessGroup

    start = time.perf_counter()
    process_group = ProcessGroup(settings.train.processes * settings.train.nodes)
    torch.use_deterministic_algorithms(settings.train.deterministic)
    training, snapshots = prepare(args, settings, labels, checkpoint_folder, process_group, parent)
    events = Events(settings.watch.tensorboard if process_group.is_first else None)

    def show(counters: Counters, rows_per_second: float) -> None:
        if process_group.is_writer:
            publish(counters, settings.train.best_metric, args.plots, args.metrics)
        events.write(counters, rows_per_second)

    fine_tune(training, settings.seed, snapshots, show)
    process_group.leave()
    if process_group.is_writer:
        with files.replace_folder(args.out) as out:
            trainable.save(training.run.model, args.data / "tokenizer", out)
        with files.replace_folder(args.rows) as folder:
            rows = training.splits["validation"]
            validation_rows.write(folder, rows.id, rows.label, training.best_probabilities)
        publish(training.run.counters, settings.train.best_metric, args.plots, args.metrics)
    snapshots.remove()
    if process_group.is_first:
        report(training.run.counters, training.run.precision, time.perf_counter() - start)


def report(counters: Counters, precision: str, seconds: float) -> None:
    """Print every evaluation, and the steps, time and memory of the run."""
    from strata.training import memory

    for entry in counters.validation:
        scores = f"validation loss {entry['loss']:.4f}, accuracy {entry['accuracy']:.3f}"
        print(f"train: step {entry['step']:,}, {scores}{', kept' if entry is counters.best else ''}")
    print(f"train: {counters.step:,} steps in {precision}, {seconds:.0f} s, {memory.peak():.1f} GB of memory")


def write_nothing(args: argparse.Namespace, settings: Params) -> None:
    """Write what a training of no steps does, and a note in place of its model."""
    for folder in (args.out, args.rows):
        with files.replace_folder(folder) as out:
            untrained.write(out)
    publish(Counters(), settings.train.best_metric, args.plots, args.metrics)
    print(f"train: 0 steps ({untrained.WORDS})")


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(
        __doc__, argv, "--data", "--labels", "--adapted", "--out", "--rows", "--metrics", "--plots", "--snapshots"
    )
    parent = int(os.environ.get(STARTED_BY, os.getppid()))
    settings, _ = read_settings(args.params, args.recipes)
    labels = read_labels(args.labels)
    if untrained.is_noted(args.data / "train"):
        write_nothing(args, settings)
        return
    folder = checkpoint.locate(settings.model.checkpoint, settings.model.revision, settings.model.sha256)
    if files.read_json(args.adapted / "adapted.json")["epochs"]:
        folder = args.adapted
    if settings.train.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, cuBLAS is not deterministic
    if settings.train.processes * settings.train.nodes > 1 and not is_launched():
        if not launch.launch(settings.train, sys.argv[1:] if argv is None else argv):
            sys.exit(1)
    else:
        train(args, settings, labels, folder, parent)


if __name__ == "__main__":
    command_line.run(main, "train")
