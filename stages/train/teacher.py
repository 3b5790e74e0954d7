"""The teachers of a distillation: fine-tuned models whose mean probabilities the trained model learns too."""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerBase

from stages.train.training import Training
from stages.train.validation import predict
from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model.classifier import check_labels
from strata.model.pretrained import is_classifier, load_config, load_model, load_tokenizer
from strata.model.weights import check_files

KEY = "train.teacher"


def check_teacher(folder: Path, tokenizer: PreTrainedTokenizerBase, labels: Labels) -> None:
    """Check a fine-tuned model before any teacher scores, which takes long. tokenizer: of the model that learns.

    Raises: StrataError when the teacher is broken, or has other labels or another vocabulary.
    """
    if not (folder / "config.json").is_file():
        raise StrataError(f"{KEY} {folder}: no such folder with a model; name one that train wrote")
    config = load_config(folder, KEY)
    if not is_classifier(config) or config.num_labels != len(labels.names):
        kind = f"a classifier of {config.num_labels} labels" if is_classifier(config) else "no classifier"
        raise StrataError(
            f"{KEY} {folder}: is {kind}; a teacher must be fine-tuned for the recipe's {len(labels.names)} labels"
        )
    check_labels(folder, labels, KEY)
    if load_tokenizer(folder, KEY).get_vocab() != tokenizer.get_vocab():
        raise StrataError(
            f"{KEY} {folder}: its vocabulary is not that of model.checkpoint; teacher and student must have"
            " the same tokenizer"
        )
    check_files(folder, KEY)


def teacher_probabilities(training: Training, folder: Path) -> np.ndarray:
    """Load a teacher and return its probabilities for the training rows: (rows, labels). Its memory is free again.

    Raises: StrataError when the teacher is broken, gives no probabilities, or memory runs out.
    """
    teacher = load_model(AutoModelForSequenceClassification, folder, KEY).to(training.run.device).eval()
    purpose = f"while the teacher {folder} scores training rows"
    try:
        return predict(training, teacher, training.splits["train"].input_ids, purpose)
    except ValueError:
        raise StrataError(
            f"{KEY} {folder}: gives NaN or infinite logits; set train.precision to fp32, or name another teacher"
        ) from None


def learn_from(training: Training, folders: list[Path]) -> None:
    """Have each teacher score all training rows once, one after the other, and have the model learn their mean."""
    probabilities = sum(teacher_probabilities(training, folder) for folder in folders) / len(folders)
    training.teacher = torch.from_numpy(np.log(probabilities.clip(1e-30)))
