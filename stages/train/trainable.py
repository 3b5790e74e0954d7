"""The model for fine-tuning: what is loaded, which weights are trained, and what is saved."""

import itertools
import shutil
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from stages.train import dropout
from strata.base.errors import StrataError
from strata.labels import Labels
from strata.model import classifier
from strata.settings.params import Train


def load(
    folder: Path, tokenizer_folder: Path, labels: Labels, settings: Train, seed: int, device: torch.device
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a checkpoint on a device, ready for training, and the tokenizer. seed: of all new weights.

    Raises: StrataError when the checkpoint does not fit the labels or the settings.
    """
    model, tokenizer = classifier.load(folder, tokenizer_folder, labels, seed)
    freeze(model, settings)
    if settings.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    model.to(device)
    if device.type == "cpu":
        dropout.speed_up(model)
    if settings.lora_rank:
        model = with_lora(model, settings.lora_rank, settings.lora_alpha, seed)
    return model, tokenizer


def freeze(model: PreTrainedModel, settings: Train) -> None:
    """Exclude from training what freeze_embeddings and freeze_layers name.

    Raises: StrataError when the model has fewer layers, or layers that are not in one list.
    """
    if settings.freeze_embeddings:
        for module in model.base_model.modules():
            if isinstance(module, nn.Embedding):
                module.requires_grad_(False)
    if settings.freeze_layers:
        layers = encoder_layers(model)
        if settings.freeze_layers > len(layers):
            raise StrataError(
                f"train.freeze_layers is {settings.freeze_layers}, the checkpoint has {len(layers)} layers; lower it"
            )
        for layer in layers[: settings.freeze_layers]:
            layer.requires_grad_(False)
        # everything before the layers too, such as a norm, so that gradients stop at the first trained layer
        first = next(layers[0].parameters())
        for parameter in itertools.takewhile(lambda parameter: parameter is not first, model.base_model.parameters()):
            parameter.requires_grad_(False)


def encoder_layers(model: PreTrainedModel) -> nn.ModuleList:
    """Return the encoder's layers. Raises: StrataError when not exactly one list has as many as the config says."""
    count = model.config.num_hidden_layers
    lists = [m for m in model.base_model.modules() if isinstance(m, nn.ModuleList) and len(m) == count]
    if len(lists) != 1:
        raise StrataError(
            f"train.freeze_layers: cannot tell which modules of a {model.config.model_type} are its {count} layers; "
            "set it to 0, or choose another checkpoint, such as a BERT or RoBERTa"
        )
    return lists[0]


def with_lora(model: PreTrainedModel, rank: int, alpha: float, seed: int) -> PreTrainedModel:
    """Return the model with LoRA matrices next to its linear layers (Hu et al., 2022), drawn from `seed`.

    Raises: StrataError without peft.
    """
    try:
        from peft import LoraConfig, TaskType, get_peft_model
    except ImportError:
        raise StrataError(
            f"train.lora_rank is {rank}, but peft is not installed: pip install -r requirements-lora.txt"
        ) from None
    set_seed(seed)
    # everything on top of the encoder is new, so all of it is trained
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


def save(model: PreTrainedModel, tokenizer_folder: Path, folder: Path) -> None:
    """Write a folder that transformers loads. LoRA matrices are added to their linear layers."""
    if hasattr(model, "merge_and_unload"):  # of peft
        model = model.merge_and_unload()
    model.set_attn_implementation("sdpa" if model._supports_sdpa else "eager")
    model.save_pretrained(folder)
    shutil.copytree(tokenizer_folder, folder, dirs_exist_ok=True)
