"""The model while it is fine-tuned: what of it is trained, and where it is saved."""

import itertools
import shutil
from pathlib import Path

import torch
from torch import nn
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
from strata.model import classifier
from strata.settings.params import Train


def load_teacher(folder: Path, tokenizer: PreTrainedTokenizerBase, labels: Labels) -> PreTrainedModel:
    """Load a fine-tuned model to distil from. Raises: StrataError when its labels or its tokens are others."""
    if not (folder / "config.json").is_file():
        raise StrataError(f"train.teacher {folder}: no such folder with a model; name one that train wrote")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        is_classifier = any(name.endswith("ForSequenceClassification") for name in config.architectures or [])
        if not is_classifier or config.num_labels != len(labels.names):
            found = f"a classifier of {config.num_labels} labels" if is_classifier else "no classifier"
            raise StrataError(
                f"train.teacher {folder}: is {found}; a teacher was fine-tuned for the recipe's {len(labels.names)}"
            )
        classifier.check_labels(folder, labels, "train.teacher")
        if AutoTokenizer.from_pretrained(folder, trust_remote_code=False).get_vocab() != tokenizer.get_vocab():
            raise StrataError(
                f"train.teacher {folder}: its vocabulary is not that of model.checkpoint; a teacher has its student's"
                " tokenizer"
            )
        return AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise StrataError(f"train.teacher {folder}: cannot be loaded: {str(error).strip().splitlines()[0]}") from None


def prepare(model: PreTrainedModel, settings: Train) -> None:
    """Freeze what shall stay as it is, and choose what is computed twice for less memory.

    Raises: StrataError when there are fewer layers than are to be frozen.
    """
    if settings.freeze_embeddings:
        for module in model.base_model.modules():
            if isinstance(module, nn.Embedding):
                module.requires_grad_(False)
    if settings.freeze_layers:
        layers = max((m for m in model.base_model.modules() if isinstance(m, nn.ModuleList)), key=len, default=[])
        if settings.freeze_layers > len(layers):
            raise StrataError(
                f"train.freeze_layers is {settings.freeze_layers}, the checkpoint has {len(layers)} layers; lower it"
            )
        for layer in layers[: settings.freeze_layers]:
            layer.requires_grad_(False)
        # what stands before the layers too, its norm among it, so that no gradient passes through them
        first = next(layers[0].parameters())
        for parameter in itertools.takewhile(lambda parameter: parameter is not first, model.base_model.parameters()):
            parameter.requires_grad_(False)
    if settings.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})


def with_lora(model: PreTrainedModel, rank: int, alpha: float, seed: int) -> PreTrainedModel:
    """Return the model with LoRA's matrices beside its linear layers (Hu et al., 2022), drawn from `seed`.

    Raises: StrataError without peft.
    """
    try:
        from peft import LoraConfig, TaskType, get_peft_model
    except ImportError:
        raise StrataError(
            f"train.lora_rank is {rank}, but peft is not installed: pip install -r requirements-lora.txt"
        ) from None
    set_seed(seed)
    # everything on top of the encoder is new, so it is trained whole
    heads = [n for n, m in model.named_children() if m is not model.base_model and any(True for _ in m.parameters())]
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        exclude_modules=heads,
        modules_to_save=heads,
    )
    return get_peft_model(model, config)


def keep_in_bf16(model: nn.Module) -> None:
    """Hand what the embeddings give to the layers in bf16, so that nothing between matrix products is converted.

    For autocast on a CPU, whose additions and norms take the type of what they are given. A model whose embeddings are
    no module of that name stays as it is.
    """
    for name, module in model.named_modules():
        if name.split(".")[-1] == "embeddings":
            module.register_forward_hook(lambda module, inputs, output: output.to(torch.bfloat16))


def save(model: PreTrainedModel, tokenizer_folder: Path, folder: Path) -> None:
    """Write a folder that transformers loads, LoRA's matrices added to the layers that they stand beside."""
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    model.set_attn_implementation("sdpa" if model._supports_sdpa else "eager")
    model.save_pretrained(folder)
    shutil.copytree(tokenizer_folder, folder, dirs_exist_ok=True)
