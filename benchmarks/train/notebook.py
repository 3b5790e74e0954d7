"""Time the optimizer steps of a Hugging Face Trainer, with its best flags or as in a typical notebook.

    python -m benchmarks.train.notebook fair 60             # its best flags: bf16, texts of similar length together
    python -m benchmarks.train.notebook dynamic 30          # fp32, padded to the longest text of each batch
    python -m benchmarks.train.notebook 512 3               # fp32, padded to 512 tokens

Reads data/tokenize. Prints as JSON the rows of a step and the seconds of each step.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import torch
from datasets import load_from_disk
from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

from strata.labels import read_labels
from strata.model import checkpoint
from strata.model.classifier import load
from strata.model.precision import choose
from strata.settings.reader import read_settings

from . import ROOT


def fair() -> dict:
    """Return the flags with which a Trainer is fastest; a CPU without bf16 instructions computes slower in bf16."""
    has_bf16 = choose("auto") == "bf16"
    return {"bf16": has_bf16, "train_sampling_strategy": "group_by_length", "optim": "adamw_torch_fused"}


class Clock(TrainerCallback):
    """Measures the seconds of each optimizer step, with the time to make its batch."""

    def __init__(self):
        self.seconds, self.last = [], time.perf_counter()

    def on_step_end(self, *args, **kwargs):
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now


def prepare(root: Path, padding: str, steps: int, callback: TrainerCallback, **flags: object) -> Trainer:
    """Return a Trainer of a project's training rows. root: the project.

    padding: fair (with its flags), dynamic, or a number of tokens. flags: more of TrainingArguments.
    """
    settings, _ = read_settings(root / "params.yaml", root / "recipes")
    train = settings.train
    labels = read_labels(root / "data/standardize/labels.json")
    classifier, tokenizer = load(
        checkpoint.locate(settings.model.checkpoint, settings.model.revision, settings.model.sha256),
        root / "data/tokenize/tokenizer",
        labels,
        settings.seed,
    )
    collator_options = {"padding": "max_length", "max_length": int(padding)} if padding.isdecimal() else {}
    arguments = TrainingArguments(
        output_dir=tempfile.gettempdir(),  # required, but nothing is saved there
        max_steps=steps,
        per_device_train_batch_size=train.batch_size,
        learning_rate=train.lr,
        warmup_steps=train.warmup,
        weight_decay=train.weight_decay,
        seed=settings.seed,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        report_to=[],
        **(fair() if padding == "fair" else {}),
        **flags,
    )
    return Trainer(
        model=classifier,
        args=arguments,
        train_dataset=load_from_disk(root / "data/tokenize/train").select_columns(["input_ids", "label"]),
        data_collator=DataCollatorWithPadding(tokenizer, **collator_options),
        callbacks=[callback],
    )


def main() -> None:
    clock = Clock()
    trainer = prepare(ROOT, sys.argv[1], int(sys.argv[2]), clock)
    trainer.train()
    print(json.dumps({"rows": trainer.args.per_device_train_batch_size, "seconds": clock.seconds}))


if __name__ == "__main__":
    main()
