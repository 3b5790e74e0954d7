"""A pretrained model with a classification head for the labels."""

import re
from pathlib import Path

from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase

from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model.pretrained import add_missing_embeddings, is_classifier, load_config, load_model, load_tokenizer


def load(
    folder: Path, tokenizer_folder: Path, labels: Labels, seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a checkpoint with a classification head for `labels`, and the tokenizer. `seed` initialises a new head.

    Tokens that the checkpoint's vocabulary lacks get random embeddings near the mean of the existing ones.

    Raises: StrataError when the checkpoint is broken or incomplete, or the head has another size or other labels.
    """
    names = dict(enumerate(labels.names))
    check_labels(folder, labels)
    model = load_model(
        AutoModelForSequenceClassification,
        folder,
        seed=seed,
        num_labels=len(names),
        id2label=names,
        label2id={name: i for i, name in names.items()},
    )
    tokenizer = load_tokenizer(tokenizer_folder)
    add_missing_embeddings(model, tokenizer)
    return model, tokenizer


def check_labels(folder: Path, labels: Labels, key: str = "model.checkpoint") -> None:
    """Refuse a classifier that was trained on other labels, or on the same labels in another order.

    Placeholder names (LABEL_0) are accepted. key: the setting that names the folder.
    Raises: StrataError.
    """
    config = load_config(folder, key)
    if not is_classifier(config):
        return
    names = [config.id2label[i] for i in sorted(config.id2label)]
    if len(names) != len(labels.names):
        raise StrataError(
            f"{key} {folder}: cannot be loaded with {len(labels.names)} labels, since its head has {len(names)}; start "
            "from a checkpoint without a head, or with as many labels"
        )
    if names != labels.names and not all(re.fullmatch(r"LABEL_\d+", name) for name in names):
        raise StrataError(
            f"{key} {folder}: its labels are {', '.join(names)}, the recipe's {', '.join(labels.names)}; "
            "give the recipe these labels in this order, or start from a checkpoint without a head"
        )
