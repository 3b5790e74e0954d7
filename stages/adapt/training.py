"""Training by the Trainer of transformers, as both objectives use it."""

import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from transformers import PrinterCallback, Trainer, TrainingArguments

from strata.base.errors import StrataError
from strata.model.precision import choose
from strata.settings.params import Adapt

WARMUP = 0.06  # share of all steps, as in Gururangan et al.


class Result(NamedTuple):
    """first, last: the mean loss in about the first and the last tenth of the steps."""

    steps: int
    first: float
    last: float


def training_arguments(settings: Adapt, seed: int, folder: str, **of_objective: int | str) -> TrainingArguments:
    """Return the Trainer's arguments. folder: required, but nothing is saved there."""
    has_gpu, precision = torch.cuda.is_available(), choose("auto")
    return TrainingArguments(
        output_dir=folder,
        learning_rate=settings.lr,
        warmup_steps=WARMUP,
        seed=seed,
        full_determinism=has_gpu,  # a CPU is deterministic anyway
        use_cpu=not has_gpu,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        save_strategy="no",
        logging_steps=0.1,
        logging_nan_inf_filter=False,
        disable_tqdm=not sys.stderr.isatty(),
        report_to=[],
        **of_objective,
    )


def train(
    model: torch.nn.Module,
    rows: Sequence[dict],
    collator: Callable[[list[dict]], dict[str, torch.Tensor]],
    settings: Adapt,
    seed: int,
    compute_loss_func: Callable | None = None,
    **of_objective: int | str,
) -> Result:
    """Train a model in place. rows, collator, compute_loss_func: as the Trainer takes them.

    of_objective: the Trainer's arguments that the objectives do not share.
    Raises: StrataError when the loss becomes NaN or infinite.
    """
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=training_arguments(settings, seed, folder, **of_objective),
            train_dataset=rows,
            data_collator=collator,
            compute_loss_func=compute_loss_func,
        )
        trainer.remove_callback(PrinterCallback)
        result = trainer.train()
    if not math.isfinite(result.training_loss):
        raise StrataError("the loss has become NaN or infinite; lower adapt.lr")
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return Result(result.global_step, losses[0], losses[-1])
