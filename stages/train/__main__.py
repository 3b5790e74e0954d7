"""Fine-tune the checkpoint on the training rows; the best weights on validation rows are kept.

    python -m stages.train --params params.yaml --recipes recipes --data data/tokenize \
        --labels data/standardize/labels.json --adapted models/adapt --out models/train \
        --metrics metrics/train.json --plots plots/train --snapshots snapshots

Writes a folder that transformers loads (safetensors, tokenizer, label names) and the curves of loss and validation
scores by optimizer step. A run that was killed goes on from its last snapshot, and ends in the same bytes.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stages.train import launch
from strata.base import command_line, files
from strata.labels import Labels, read_labels
from strata.model import checkpoint
from strata.scoring import NAMES
from strata.settings.params import Params
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    from stages.train.training import Counters


def publish(counters: "Counters", plots: Path, metrics: Path) -> dict:
    """Write the curves and scores so far, so that dvc plots and dvc exp show have them while training goes on.

    training.csv: step, loss, learning_rate. validation.csv: step, loss and every score. Returns: the best evaluation.
    """
    import pandas as pd

    for name, points, columns in (
        ("training", counters.training, ["step", "loss", "learning_rate"]),
        ("validation", counters.validation, ["step", "loss", *NAMES]),
    ):
        files.write_curve(plots / f"{name}.csv", pd.DataFrame(points, columns=columns))
    best = next((entry for entry in counters.validation if entry["step"] == counters.best_step), {})
    scored = {name: best[name] for name in ("loss", *NAMES) if best}
    files.write_metrics(metrics, {"steps": counters.step, "best_step": counters.best_step, "validation": scored})
    return best


def train(args: argparse.Namespace, settings: Params, labels: Labels, checkpoint_folder: Path, parent: int) -> None:
    """Train in this process, alone or as one of a group. parent: the process that started it."""
    import torch

    from stages.train import dropout, model, snapshot
    from stages.train.events import Events
    from stages.train.fine_tune import fine_tune
    from stages.train.process_group import ProcessGroup
    from stages.train.training import Training
    from strata.model.classifier import load
    from strata.model.precision import choose
    from strata.model.tokens import read_tokens

    start = time.perf_counter()
    precision = choose(settings.train.precision)
    group = ProcessGroup(settings.train.processes * settings.train.nodes)
    torch.use_deterministic_algorithms(settings.train.deterministic)
    splits = {name: read_tokens(args.data / name) for name in ("train", "validation")}
    classifier, tokenizer = load(checkpoint_folder, args.data / "tokenizer", labels, settings.seed)
    model.prepare(classifier, settings.train)
    classifier.to(group.device)
    if group.device.type == "cpu":
        dropout.speed_up(classifier)
    if settings.train.lora_rank:
        classifier = model.with_lora(classifier, settings.train.lora_rank, settings.train.lora_alpha, settings.seed)
    inputs = [args.data, args.labels, checkpoint_folder]
    teacher = None
    if settings.train.teacher:
        inputs.append(Path(settings.train.teacher))
        teacher = model.load_teacher(inputs[-1], tokenizer, labels)
    decides = {"seed": settings.seed, "train": settings.train.model_dump(), "on": f"{precision} {group.device.type}"}
    key = snapshot.run_key(decides, *inputs)
    snapshots = snapshot.Snapshots(args.snapshots, key, settings.snapshots, group.is_first, parent)
    group.wait()
    training = Training(classifier, splits, labels, settings.train, precision, group)
    if teacher:
        training.learn_from(teacher.to(group.device))
    events = Events(settings.watch.tensorboard if group.is_first else None)

    def show(counters: "Counters", rows_per_second: float) -> None:
        if group.is_writer:
            publish(counters, args.plots, args.metrics)
        events.write(counters, rows_per_second)

    counters = fine_tune(training, settings.seed, snapshots, show)
    group.leave()
    if group.is_writer:
        with files.replace_folder(args.out) as out:
            model.save(classifier, args.data / "tokenizer", out)
        best = publish(counters, args.plots, args.metrics)
    snapshots.remove()
    if group.is_first:
        report(counters, best, precision, time.perf_counter() - start)


def report(counters: "Counters", best: dict, precision: str, seconds: float) -> None:
    """Print every evaluation, and what training has taken."""
    from stages.train import memory

    for entry in counters.validation:
        scored = f"validation loss {entry['loss']:.4f}, accuracy {entry['accuracy']:.3f}"
        print(f"train: step {entry['step']:,}, {scored}{', kept' if entry is best else ''}")
    print(f"train: {counters.step:,} steps in {precision}, {seconds:.0f} s, {memory.peak():.1f} GB of memory")


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(
        __doc__, argv, "--data", "--labels", "--adapted", "--out", "--metrics", "--plots", "--snapshots"
    )
    parent = int(os.environ.get(launch.STARTED_BY, os.getppid()))
    settings, _ = read_settings(args.params, args.recipes)
    labels = read_labels(args.labels)
    folder = checkpoint.locate(settings.model)
    if files.read_json(args.adapted / "adapted.json")["epochs"]:
        folder = args.adapted
    if settings.train.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats its sums only with this
    if settings.train.processes * settings.train.nodes > 1 and not launch.is_launched():
        if not launch.launch(settings.train, sys.argv[1:] if argv is None else argv):
            sys.exit(1)
    else:
        train(args, settings, labels, folder, parent)


if __name__ == "__main__":
    command_line.run(main, "train")
