"""Masked-language modelling on the task's own texts (Devlin et al., 2019; Gururangan et al., 2020)."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
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

from strata.base.errors import StrataError
from strata.model.pretrained import add_missing_embeddings, load_config, load_model
from strata.model.tokens import TokenizedRows
from strata.settings.params import Adapt, Params
from strata.training.plan import Batching, Step, plan_of, steps_of_epochs
from strata.training.process_group import ProcessGroup
from strata.training.run import Advice, Run
from strata.training.snapshot import Snapshots

WARMUP = 0.06  # share of all steps, as in Gururangan et al.
LOSS_POINTS = 10
ADVICE = Advice("lower adapt.batch_size, or lower tokenize.max_length", "lower adapt.lr")


class Result(NamedTuple):
    """first, last: the first and last points of the loss curve, each a mean over steps."""

    steps: int
    first: float
    last: float


def check_masking(folder: Path, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise StrataError when the model has no masked-language head, or the tokenizer no mask token."""
    has_head = type(config) in MODEL_FOR_MASKED_LM_MAPPING
    if has_head and tokenizer.mask_token is not None:
        return
    missing = "mask token" if has_head else "masked-language head"
    raise StrataError(
        f"model.checkpoint {folder}: {config.model_type} has no {missing}, which adapt.epochs above 0 needs; set it to "
        "0, or choose another checkpoint, such as a BERT or RoBERTa"
    )


def masked_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the masked tokens; 0 for a batch without any, where the mean would be NaN.

    logits: (rows, tokens, vocabulary). labels: (rows, tokens), -100 where a token is not masked.
    """
    is_masked = labels != -100
    total = cross_entropy(logits[is_masked].float(), labels[is_masked], reduction="sum")
    return total / is_masked.sum().clamp(min=1)


def adapt(
    folder: Path,
    complete: PreTrainedModel,
    rows: TokenizedRows,
    tokenizer: PreTrainedTokenizerBase,
    settings: Params,
    precision: str,
    snapshots: Snapshots,
) -> Result:
    """Train the encoder of a checkpoint in place, under a masked-language head. folder: of the checkpoint.

    Weights that the checkpoint lacks, of that head or of new tokens' embeddings, are drawn from settings.seed. The
    step's random numbers decide which tokens are masked.
    Raises: StrataError when it has no such head or no mask token, and as `take_all`.
    """
    check_masking(folder, load_config(folder), tokenizer)
    model = load_model(AutoModelForMaskedLM, folder, seed=settings.seed)
    add_missing_embeddings(model, tokenizer)
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=settings.adapt.masked)

    def loss(run: Run, positions: np.ndarray, rows_in_step: int) -> torch.Tensor:
        batch = collator([{"input_ids": rows.input_ids[i].tolist()} for i in positions])
        labels = batch.pop("labels").to(run.device)
        return masked_loss(run.outputs(run.network, **batch).logits, labels) * (len(positions) / rows_in_step)

    group = ProcessGroup(1)
    model.to(group.device)
    fixed = {"weight_decay": 0.0, "max_grad_norm": 1.0, "is_compiled": False}
    run = Run(model, rows.input_ids, loss, precision, group, ADVICE, **fixed)
    batching = Batching(settings.adapt.batch_size, in_parts=run.device.type == "cpu")
    steps = steps_of_epochs(rows.lengths, settings.seed, settings.adapt.epochs, 0, batching)
    result = take_all(run, steps, settings.adapt, settings.seed, snapshots)
    copy_encoder(model, complete)
    return result


def take_all(run: Run, steps: list[Step], settings: Adapt, seed: int, snapshots: Snapshots) -> Result:
    """Take all steps, or those left by an interrupted run.

    The learning rate rises to settings.lr, and then falls to 0.
    Raises: StrataError when the loss becomes NaN or infinite, memory runs out, or no state can be saved.
    """
    planned = plan_of(steps, settings.lr, "linear", WARMUP, LOSS_POINTS)
    with snapshots.forgetting_batch_on_error():
        for _ in run.steps(planned, seed, snapshots):
            pass
    points = run.counters.training
    return Result(planned.steps, points[0]["loss"], points[-1]["loss"])


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
