"""Masked-language modelling on the task's own texts (Devlin et al., 2019; Gururangan et al., 2020)."""

from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoModelForMaskedLM,
    DataCollatorForLanguageModeling,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from stages.adapt.training import Result, train
from strata.base.errors import StrataError
from strata.model.pretrained import add_missing_embeddings, load_config, load_model
from strata.model.tokens import TokenizedRows
from strata.settings.params import Adapt


def check_masking(folder: Path, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise StrataError when the model has no masked-language head, or the tokenizer no mask token."""
    has_head = type(config) in MODEL_FOR_MASKED_LM_MAPPING
    if has_head and tokenizer.mask_token is not None:
        return
    missing = "mask token" if has_head else "masked-language head"
    raise StrataError(
        f"model.checkpoint {folder}: {config.model_type} has no {missing}, which adapt.epochs above 0 needs; set it to "
        "0, set adapt.objective to contrastive, or choose another checkpoint, such as a BERT or RoBERTa"
    )


def masked_loss(outputs: dict, labels: torch.Tensor, num_items_in_batch: object = None) -> torch.Tensor:
    """Return the mean cross-entropy over the masked tokens; 0 for a batch without any, where the mean would be NaN.

    outputs["logits"]: (rows, tokens, vocabulary). labels: (rows, tokens), -100 where a token is not masked.
    """
    is_masked = labels != -100
    total = cross_entropy(outputs["logits"][is_masked].float(), labels[is_masked], reduction="sum")
    return total / is_masked.sum().clamp(min=1)


def adapt(
    folder: Path,
    complete: PreTrainedModel,
    rows: TokenizedRows,
    tokenizer: PreTrainedTokenizerBase,
    settings: Adapt,
    seed: int,
) -> Result:
    """Train the encoder of a checkpoint in place, under a masked-language head. folder: of the checkpoint.

    Weights that the checkpoint lacks, of that head or of new tokens' embeddings, are drawn from `seed`.
    Raises: StrataError when it has no such head or no mask token, or the loss becomes NaN or infinite.
    """
    check_masking(folder, load_config(folder), tokenizer)
    model = load_model(AutoModelForMaskedLM, folder, seed=seed)
    add_missing_embeddings(model, tokenizer)
    result = train(
        model,
        [{"input_ids": ids.tolist()} for ids in rows.input_ids],
        DataCollatorForLanguageModeling(tokenizer, mlm_probability=settings.masked, seed=seed),
        settings,
        seed,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        train_sampling_strategy="group_by_length",
        compute_loss_func=masked_loss,
    )
    copy_encoder(model, complete)
    return result


def copy_encoder(source: PreTrainedModel, target: PreTrainedModel) -> None:
    """Copy the encoder's weights into a model of the same checkpoint; only a pooler may be missing in `source`.

    Raises: StrataError when the two encoders differ in anything else.
    """
    missing, unexpected = target.base_model.load_state_dict(source.base_model.state_dict(), strict=False)
    different = [*unexpected, *(name for name in missing if not name.startswith("pooler."))]
    if different:
        raise StrataError(
            f"the encoder of {target.config.model_type} has other weights under its masked-language head "
            f"({different[0]}), so it cannot be adapted; set adapt.epochs to 0, or choose another checkpoint"
        )
