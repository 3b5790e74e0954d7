"""Fine-tune the checkpoint on the training rows; the best weights on validation rows are kept.

    python -m stages.train --params params.yaml --recipes recipes --data data/tokenize \
        --labels data/standardize/labels.json --out models/train --metrics metrics/train.json \
        --plots plots/train

Writes a folder that transformers loads (safetensors, tokenizer, label names) and the curves of loss and validation
scores by optimizer step.
"""

import os
import shutil
from pathlib import Path

from stages.shared import checkpoint, command, files, params
from stages.shared.labels import read_labels
from stages.shared.scores import NAMES


def write_curves(training: list[dict], validation: list[dict], plots: Path) -> None:
    """Write training.csv (step, loss, learning_rate) and validation.csv (step, loss and every score)."""
    import pandas as pd

    pd.DataFrame(training)[["step", "loss", "learning_rate"]].to_csv(plots / "training.csv", index=False)
    pd.DataFrame(validation)[["step", "loss", *NAMES]].to_csv(plots / "validation.csv", index=False)


def main(argv: list[str] | None = None) -> None:
    args = command.arguments(__doc__, argv, "--data", "--labels", "--out", "--metrics", "--plots")
    settings, _ = params.load(args.params, args.recipes)
    labels = read_labels(args.labels)
    folder = checkpoint.locate(settings.model)
    # one device: several would multiply the batch behind the schedule's back
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    # these imports take ten seconds, so a wrong parameter is told before them
    from datasets import load_from_disk

    from stages.train.fine_tune import fine_tune, load_model

    splits = {name: load_from_disk(args.data / name) for name in ("train", "validation")}
    model, tokenizer = load_model(folder, args.data / "tokenizer", labels, settings.seed)
    with files.replace_folder(args.plots) as plots, files.replace_folder(args.out) as out:
        work = out / "checkpoints"
        log, best_step = fine_tune(model, tokenizer, splits, labels, settings.train, settings.seed, work)
        shutil.rmtree(work)
        model.save_pretrained(out)
        tokenizer.save_pretrained(out)
        training = [entry for entry in log if "loss" in entry]
        validation = [
            {key.removeprefix("eval_"): value for key, value in entry.items()} for entry in log if "eval_loss" in entry
        ]
        write_curves(training, validation, plots)
    best = next(entry for entry in validation if entry["step"] == best_step)
    scored = {name: best[name] for name in ("loss", *NAMES)}
    files.write_json(args.metrics, {"steps": log[-1]["step"], "best_step": best_step, "validation": scored})
    for entry in validation:
        scored = f"validation loss {entry['loss']:.4f}, accuracy {entry['accuracy']:.3f}"
        print(f"train: step {entry['step']:,}, {scored}{', kept' if entry is best else ''}")


if __name__ == "__main__":
    command.run(main, "train")
