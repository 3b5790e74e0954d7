"""Continue pre-training the checkpoint on the training rows without their labels. Off by default.

    python -m stages.adapt --params params.yaml --recipes recipes --data data/tokenize/train \
        --tokenizer data/tokenize/tokenizer --out models/adapt --metrics metrics/adapt.json --snapshots snapshots

The encoder learns to predict masked tokens. Writes adapted.json with the number of epochs. If that is above 0, the
folder is also a checkpoint that transformers loads: the adapted encoder, everything else in the checkpoint (a pooler, a
classification head) unchanged, and the tokenizer. A killed run resumes from its last snapshot and gives the same bytes.
"""

import argparse
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from strata.base import command_line, files
from strata.model import checkpoint, untrained
from strata.model.tokens import read_tokens
from strata.settings.params import Params
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NOTE = "adapted.json"


def load(folder: Path, tokenizer_folder: Path, seed: int) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    """Return the complete checkpoint and the tokenizer. Embeddings of new tokens are drawn from `seed`.

    Raises: StrataError when it cannot be loaded.
    """
    from transformers import AutoModel, AutoModelForSequenceClassification

    from strata.model.pretrained import (
        add_missing_embeddings,
        is_classifier,
        load_config,
        load_model,
        load_tokenizer,
    )

    tokenizer = load_tokenizer(tokenizer_folder)
    kind = AutoModelForSequenceClassification if is_classifier(load_config(folder)) else AutoModel
    model = load_model(kind, folder, seed=seed)
    add_missing_embeddings(model, tokenizer)
    return model, tokenizer


def adapt(args: argparse.Namespace, settings: Params, parent: int) -> None:
    """Write the checkpoint with an adapted encoder, and the metrics. parent: id of the process that started this."""
    # cuBLAS reads this when CUDA starts, and is not deterministic without it; a CPU is deterministic anyway
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # these imports take seconds, and without an adaptation none is needed
    import torch

    from stages.adapt import masked
    from strata.model.precision import choose
    from strata.training.run_key import run_key
    from strata.training.snapshot import Snapshots

    torch.use_deterministic_algorithms(torch.cuda.is_available())
    folder = checkpoint.locate(settings.model.checkpoint, settings.model.revision, settings.model.sha256)
    texts, precision = read_tokens(args.data).distinct(), choose("auto")
    complete, tokenizer = load(folder, args.tokenizer, settings.seed)
    on = f"{precision} {'cuda' if torch.cuda.is_available() else 'cpu'}"
    decisive = {"seed": settings.seed, "adapt": settings.adapt.model_dump(), "on": on}
    key = run_key("adapt", decisive, args.data, args.tokenizer, folder)
    snapshots = Snapshots("adapt", args.snapshots, key, settings.snapshots, is_writer=True, parent=parent)
    result = masked.adapt(folder, complete, texts.windows(), tokenizer, settings, precision, snapshots)
    with files.replace_folder(args.out) as out:
        files.write_json(out / NOTE, {"epochs": settings.adapt.epochs})
        complete.save_pretrained(out)
        shutil.copytree(args.tokenizer, out, dirs_exist_ok=True)
    losses = {"masked_loss_first": result.first, "masked_loss_last": result.last}
    files.write_metrics(args.metrics, {"steps": result.steps} | losses)
    snapshots.remove()
    loss = f"loss of masked tokens {result.first:.3f} to {result.last:.3f}"
    print(f"adapt: {result.steps:,} steps on {len(texts.id):,} rows in {precision}, {loss}")


def write_nothing(args: argparse.Namespace, why: str) -> None:
    """Write the outputs of zero steps."""
    with files.replace_folder(args.out) as out:
        files.write_json(out / NOTE, {"epochs": 0})
    files.write_metrics(args.metrics, {"steps": 0})
    print(f"adapt: 0 steps ({why})")


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--tokenizer", "--out", "--metrics", "--snapshots")
    parent = os.getppid()
    settings, _ = read_settings(args.params, args.recipes)
    if untrained.is_noted(args.data):
        write_nothing(args, untrained.WORDS)
    elif not settings.adapt.epochs:
        write_nothing(args, "adapt.epochs is 0")
    else:
        adapt(args, settings, parent)


if __name__ == "__main__":
    command_line.run(main, "adapt")
