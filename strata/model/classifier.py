"""A pretrained model with a classification head for the labels."""

import re
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model.pretrained import add_missing_embeddings, is_classifier


def load(
    folder: Path, tokenizer_folder: Path, labels: Labels, seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a checkpoint with a classification head for `labels`, and the tokenizer. `seed` initialises a new head.

    Tokens that the checkpoint's vocabulary lacks get random embeddings near the mean of the existing ones.

    Raises: StrataError when there are no safetensors weights, or the head has another size or other labels.
    """
    set_seed(seed)
    names = dict(enumerate(labels.names))
    try:
        check_labels(folder, labels)
        model = AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=len(names),
            id2label=names,
            label2id={name: i for i, name in names.items()},
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
        )
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise StrataError(
            f"model.checkpoint {folder}: cannot be loaded with {len(names)} labels: "
            f"{str(error).strip().splitlines()[0]}"
        ) from None
    add_missing_embeddings(model, tokenizer)
    return model, tokenizer


def check_labels(folder: Path, labels: Labels, key: str = "model.checkpoint") -> None:
    """Refuse a classifier that was trained on other labels, or on the same labels in another order.

    Placeholder names (LABEL_0) are accepted. key: the setting that names the folder.
    Raises: StrataError.
    """
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if not is_classifier(config):
        return
    names = [config.id2label[i] for i in sorted(config.id2label)]
    if names != labels.names and not all(re.fullmatch(r"LABEL_\d+", name) for name in names):
        raise StrataError(
            f"{key} {folder}: its labels are {', '.join(names)}, the recipe's {', '.join(labels.names)}; "
            "give the recipe these labels in this order, or start from a checkpoint without a head"
        )
