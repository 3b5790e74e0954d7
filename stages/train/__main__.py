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

from stages.shared import checkpoint, command, files, params
from stages.shared.labels import Labels, read_labels
from stages.shared.scores import NAMES
from stages.train import launch

if TYPE_CHECKING:
    from stages.train.fine_tune import Counters


def publish(counters: "Counters", plots: Path, metrics: Path) -> dict:
    """Write the curves and scores so far, so that dvc plots and dvc exp show have them while training goes on.

    training.csv: step, loss, learning_rate. validation.csv: step, loss and every score. Returns: the best evaluation.
    """
    import pandas as pd

    with files.replace_folder(plots) as folder:
        for name, points, columns in (
            ("training", counters.training, ["step", "loss", "learning_rate"]),
            ("validation", counters.validation, ["step", "loss", *NAMES]),
        ):
            pd.DataFrame(points, columns=columns).to_csv(folder / f"{name}.csv", index=False)
    best = next((entry for entry in counters.validation if entry["step"] == counters.best_step), {})
    scored = {name: best[name] for name in ("loss", *NAMES) if best}
    files.write_json(metrics, {"steps": counters.step, "best_step": counters.best_step, "validation": scored})
    return best


def train(args: argparse.Namespace, settings: params.Params, labels: Labels, checkpoint_folder: Path) -> None:
    """Train in this process, alone or as one of a group, whose first process writes the results."""
    import numpy as np
    import torch
    from datasets import load_from_disk

    from stages.shared.precision import choose
    from stages.train import dropout, memory, model, snapshot
    from stages.train.fine_tune import Rows, Training, fine_tune
    from stages.train.group import Group

    start = time.perf_counter()
    precision = choose(settings.train.precision)
    group = Group()
    torch.use_deterministic_algorithms(settings.train.deterministic)
    splits = {}
    for name in ("train", "validation"):
        rows = load_from_disk(args.data / name).with_format("numpy")
        splits[name] = Rows(list(rows["input_ids"]), np.asarray(rows["label"]))
    classifier, tokenizer = model.load(checkpoint_folder, args.data / "tokenizer", labels, settings.seed)
    model.prepare(classifier, settings.train)
    classifier.to(group.device)
    if group.device.type == "cpu":
        dropout.speed_up(classifier)
    if settings.train.lora_rank:
        classifier = model.with_lora(classifier, settings.train.lora_rank, settings.train.lora_alpha, settings.seed)
    inputs = [args.data, args.labels, checkpoint_folder]
    if settings.train.teacher:
        inputs.append(Path(settings.train.teacher))
    decides = {"seed": settings.seed, "train": settings.train.model_dump(), "on": f"{precision} {group.device}"}
    key = snapshot.run_key(decides, *inputs)
    snapshots = snapshot.Snapshots(args.snapshots, key, settings.snapshots, is_writer=group.is_first)
    group.wait()
    training = Training(classifier, splits, labels, settings.train, precision, group)
    if settings.train.teacher:
        training.learn_from(model.load_teacher(inputs[-1], tokenizer, labels).to(group.device))
    counters = fine_tune(
        training, settings.seed, snapshots, lambda counters: publish(counters, args.plots, args.metrics)
    )
    group.leave()
    if not group.is_first:
        return
    with files.replace_folder(args.out) as out:
        model.save(classifier, args.data / "tokenizer", out)
    best = publish(counters, args.plots, args.metrics)
    snapshots.remove()
    for entry in counters.validation:
        scored = f"validation loss {entry['loss']:.4f}, accuracy {entry['accuracy']:.3f}"
        print(f"train: step {entry['step']:,}, {scored}{', kept' if entry is best else ''}")
    seconds = time.perf_counter() - start
    print(f"train: {counters.step:,} steps in {precision}, {seconds:.0f} s, {memory.peak():.1f} GB of memory")


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(
        __doc__, argv, "--data", "--labels", "--adapted", "--out", "--metrics", "--plots", "--snapshots"
    )
    settings, _ = params.load(args.params, args.recipes)
    labels = read_labels(args.labels)
    folder = checkpoint.locate(settings.model)
    if files.read_json(args.adapted / "adapted.json")["epochs"]:
        folder = args.adapted
    if settings.train.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats its sums only with this
    if settings.train.processes * settings.train.nodes > 1 and not launch.is_launched():
        if code := launch.launch(settings.train, sys.argv[1:] if argv is None else argv):
            sys.exit(code)
    else:
        train(args, settings, labels, folder)


if __name__ == "__main__":
    command.run(main, "train")
