"""Continue pre-training the checkpoint on the training rows, before fine-tuning. Off by default.

    python -m stages.adapt --params params.yaml --recipes recipes --data data/tokenize/train \
        --tokenizer data/tokenize/tokenizer --out models/adapt --metrics metrics/adapt.json

adapt.objective is masked, which needs no labels, or contrastive, which moves texts of one label together. Writes
adapted.json with the number of epochs. If that is above 0, the folder is also a checkpoint that transformers loads: the
adapted encoder, everything else in the checkpoint (a pooler, a classification head) unchanged, and the tokenizer.
"""

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


def adapted_checkpoint(data: Path, tokenizer_folder: Path, settings: Params) -> tuple["PreTrainedModel", dict]:
    """Return the checkpoint with an adapted encoder, and the metrics. data: the tokenized training rows."""
    seed = settings.seed
    folder = checkpoint.locate(settings.model.checkpoint, settings.model.revision, settings.model.sha256)
    # the Trainer uses every visible GPU, and each would enlarge the batch
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    # these imports take seconds, and without an adaptation none is needed
    from strata.model.precision import choose

    texts = read_tokens(data).distinct()
    rows = texts.windows()
    complete, tokenizer = load(folder, tokenizer_folder, seed)
    if settings.adapt.objective == "masked":
        from stages.adapt import masked

        result = masked.adapt(folder, complete, rows, tokenizer, settings.adapt, seed)
        told = "loss of masked tokens"
    else:
        from stages.adapt import contrastive

        result = contrastive.adapt(complete, rows, settings.adapt, seed)
        told = "loss of pairs"
    losses = f"{told} {result.first:.3f} to {result.last:.3f}"
    print(f"adapt: {result.steps:,} steps on {len(texts.id):,} rows in {choose('auto')}, {losses}")
    name = settings.adapt.objective
    return complete, {"steps": result.steps, f"{name}_loss_first": result.first, f"{name}_loss_last": result.last}


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--tokenizer", "--out", "--metrics")
    settings, _ = read_settings(args.params, args.recipes)
    model, metrics = None, {"steps": 0}
    epochs, why = settings.adapt.epochs, "adapt.epochs is 0"
    if untrained.is_noted(args.data):
        epochs, why = 0, untrained.WORDS
    if epochs:
        model, metrics = adapted_checkpoint(args.data, args.tokenizer, settings)
    else:
        print(f"adapt: 0 steps ({why})")
    with files.replace_folder(args.out) as out:
        files.write_json(out / "adapted.json", {"epochs": epochs})
        if model:
            model.save_pretrained(out)
            shutil.copytree(args.tokenizer, out, dirs_exist_ok=True)
    files.write_metrics(args.metrics, metrics)


if __name__ == "__main__":
    command_line.run(main, "adapt")
