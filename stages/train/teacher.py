"""The teacher of a distillation: a fine-tuned model whose probabilities the trained model learns too."""

from pathlib import Path

from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase

from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model.classifier import check_labels
from strata.model.pretrained import is_classifier, load_config, load_model, load_tokenizer


def load_teacher(folder: Path, tokenizer: PreTrainedTokenizerBase, labels: Labels) -> PreTrainedModel:
    """Load a fine-tuned model. tokenizer: of the model that learns from it.

    Raises: StrataError when the teacher is broken, or has other labels or another vocabulary.
    """
    if not (folder / "config.json").is_file():
        raise StrataError(f"train.teacher {folder}: no such folder with a model; name one that train wrote")
    key = "train.teacher"
    config = load_config(folder, key)
    if not is_classifier(config) or config.num_labels != len(labels.names):
        kind = f"a classifier of {config.num_labels} labels" if is_classifier(config) else "no classifier"
        raise StrataError(
            f"train.teacher {folder}: is {kind}; a teacher must be fine-tuned for the recipe's "
            f"{len(labels.names)} labels"
        )
    check_labels(folder, labels, key)
    if load_tokenizer(folder, key).get_vocab() != tokenizer.get_vocab():
        raise StrataError(
            f"train.teacher {folder}: its vocabulary is not that of model.checkpoint; teacher and student must have"
            " the same tokenizer"
        )
    return load_model(AutoModelForSequenceClassification, folder, key)
