"""The teacher of a distillation: a fine-tuned model whose probabilities the trained model learns too."""

from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model.classifier import check_labels
from strata.model.pretrained import is_classifier


def load_teacher(folder: Path, tokenizer: PreTrainedTokenizerBase, labels: Labels) -> PreTrainedModel:
    """Load a fine-tuned model. tokenizer: of the model that learns from it.

    Raises: StrataError when the teacher has other labels or another vocabulary.
    """
    if not (folder / "config.json").is_file():
        raise StrataError(f"train.teacher {folder}: no such folder with a model; name one that train wrote")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        if not is_classifier(config) or config.num_labels != len(labels.names):
            kind = f"a classifier of {config.num_labels} labels" if is_classifier(config) else "no classifier"
            raise StrataError(
                f"train.teacher {folder}: is {kind}; a teacher must be fine-tuned for the recipe's "
                f"{len(labels.names)} labels"
            )
        check_labels(folder, labels, "train.teacher")
        if AutoTokenizer.from_pretrained(folder, trust_remote_code=False).get_vocab() != tokenizer.get_vocab():
            raise StrataError(
                f"train.teacher {folder}: its vocabulary is not that of model.checkpoint; teacher and student must have"
                " the same tokenizer"
            )
        return AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise StrataError(f"train.teacher {folder}: cannot be loaded: {str(error).strip().splitlines()[0]}") from None
