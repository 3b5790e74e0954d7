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


def load(
    folder: Path, tokenizer_folder: Path, labels: Labels, seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a checkpoint with a classification head for `labels`; a new head is drawn from `seed`.

    Tokens that the tokenizer has beyond the checkpoint's vocabulary get embeddings drawn near the mean of the others.

    Raises: StrataError when there are no safetensors weights, or a head of another size or for other labels.
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
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer))
    return model, tokenizer


def check_labels(folder: Path, labels: Labels, key: str = "model.checkpoint") -> None:
    """Refuse a classifier whose head speaks of other labels, or of the same ones in another order.

    Raises: StrataError. A head with placeholder names (LABEL_0) is taken as it is.
    """
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if not any(name.endswith("ForSequenceClassification") for name in config.architectures or []):
        return
    found = [config.id2label[i] for i in sorted(config.id2label)]
    if found != labels.names and not all(re.fullmatch(r"LABEL_\d+", name) for name in found):
        raise StrataError(
            f"{key} {folder}: its labels are {', '.join(found)}, the recipe's {', '.join(labels.names)}; "
            "give the recipe these labels in this order, or start from a checkpoint without a head"
        )
