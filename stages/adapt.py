"""Continue pre-training the checkpoint on the training rows' texts, without labels, before fine-tuning. Off by default.

    python -m stages.adapt --params params.yaml --recipes recipes --data data/tokenize/train \
        --tokenizer data/tokenize/tokenizer --out models/adapt --metrics metrics/adapt.json

The objective is masked-language modelling (Devlin et al., 2019), applied to the task's own texts (Gururangan et al.,
2020). Writes adapted.json with the number of epochs. If that is above 0, the folder is also a checkpoint that
transformers loads: the adapted encoder, everything else in the checkpoint (a pooler, a classification head) unchanged,
and the tokenizer.
"""

import math
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from strata.base import command_line, files
from strata.base.errors import StrataError
from strata.model import checkpoint, untrained
from strata.model.tokens import read_tokens
from strata.settings.params import Adapt, Params
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase, TrainingArguments

WARMUP = 0.06  # share of all steps, as in Gururangan et al.


def load(
    folder: Path, tokenizer_folder: Path, seed: int
) -> tuple["PreTrainedModel", "PreTrainedModel", "PreTrainedTokenizerBase"]:
    """Return the complete checkpoint, its encoder with a masked-language head, and the tokenizer.

    Weights that the checkpoint lacks, of that head or of new tokens' embeddings, are drawn from `seed`.
    Raises: StrataError when it cannot be loaded, or has no masked-language head or mask token.
    """
    from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

    from strata.model.pretrained import (
        add_missing_embeddings,
        is_classifier,
        load_config,
        load_model,
        load_tokenizer,
    )

    config, tokenizer = load_config(folder), load_tokenizer(tokenizer_folder)
    check_masking(folder, config, tokenizer)
    models = []
    for kind in (AutoModelForSequenceClassification if is_classifier(config) else AutoModel, AutoModelForMaskedLM):
        models.append(load_model(kind, folder, seed=seed))
        add_missing_embeddings(models[-1], tokenizer)
    return *models, tokenizer


def check_masking(folder: Path, config: "PretrainedConfig", tokenizer: "PreTrainedTokenizerBase") -> None:
    """Raise StrataError when the model has no masked-language head, or the tokenizer no mask token."""
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    has_head = type(config) in MODEL_FOR_MASKED_LM_MAPPING
    if has_head and tokenizer.mask_token is not None:
        return
    missing = "mask token" if has_head else "masked-language head"
    raise StrataError(
        f"model.checkpoint {folder}: {config.model_type} has no {missing}, which adapt.epochs above 0 needs; set it to "
        "0, or choose another checkpoint, such as a BERT or RoBERTa"
    )


def masked_loss(outputs: dict, labels: "torch.Tensor", num_items_in_batch: object = None) -> "torch.Tensor":
    """Return the mean cross-entropy over the masked tokens; 0 for a batch without any, where the mean would be NaN.

    outputs["logits"]: (rows, tokens, vocabulary). labels: (rows, tokens), -100 where a token is not masked.
    """
    from torch.nn.functional import cross_entropy

    is_masked = labels != -100
    total = cross_entropy(outputs["logits"][is_masked].float(), labels[is_masked], reduction="sum")
    return total / is_masked.sum().clamp(min=1)


def training_arguments(settings: Adapt, seed: int, precision: str, folder: str) -> "TrainingArguments":
    """Return the Trainer's arguments. precision: bf16, fp16 or fp32. folder: required, but nothing is saved there."""
    import torch
    from transformers import TrainingArguments

    has_gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        train_sampling_strategy="group_by_length",
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
    )


def adapt(
    model: "PreTrainedModel",
    input_ids: list[np.ndarray],
    tokenizer: "PreTrainedTokenizerBase",
    settings: Adapt,
    seed: int,
    precision: str,
) -> dict[str, float]:
    """Train a model with a masked-language head in place. input_ids: of each row. precision: bf16, fp16 or fp32.

    Returns: steps, and the masked tokens' mean loss in about the first and the last tenth of the steps, in nats.
    Raises: StrataError when the loss becomes NaN or infinite.
    """
    from transformers import DataCollatorForLanguageModeling, PrinterCallback, Trainer

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=training_arguments(settings, seed, precision, folder),
            train_dataset=[{"input_ids": ids.tolist()} for ids in input_ids],
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=settings.masked, seed=seed),
            compute_loss_func=masked_loss,
        )
        trainer.remove_callback(PrinterCallback)
        result = trainer.train()
    if not math.isfinite(result.training_loss):
        raise StrataError("the loss has become NaN or infinite; lower adapt.lr")
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"steps": result.global_step, "masked_loss_first": losses[0], "masked_loss_last": losses[-1]}


def copy_encoder(source: "PreTrainedModel", target: "PreTrainedModel") -> None:
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


def adapted_checkpoint(data: Path, tokenizer_folder: Path, settings: Params) -> tuple["PreTrainedModel", dict]:
    """Return the checkpoint with an adapted encoder, and the metrics. data: the tokenized training rows."""
    folder = checkpoint.locate(settings.model.checkpoint, settings.model.revision, settings.model.sha256)
    # the Trainer uses every visible GPU, and each would enlarge the batch
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    from strata.model.precision import choose

    precision = choose("auto")
    rows = read_tokens(data).distinct()
    complete, masked, tokenizer = load(folder, tokenizer_folder, settings.seed)
    metrics = adapt(masked, rows.input_ids, tokenizer, settings.adapt, settings.seed, precision)
    copy_encoder(masked, complete)
    losses = f"loss of masked tokens {metrics['masked_loss_first']:.3f} to {metrics['masked_loss_last']:.3f}"
    print(f"adapt: {metrics['steps']:,} steps on {len(rows.id):,} rows in {precision}, {losses}")
    return complete, metrics


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--tokenizer", "--out", "--metrics")
    settings, _ = read_settings(args.params, args.recipes)
    model, metrics = None, {"steps": 0}
    epochs, why = settings.adapt.epochs, "adapt.epochs is 0"
    if untrained.is_noted(args.data):
        epochs, why = 0, untrained.WORDS
    if epochs:
        model, metrics = adapted_checkpoint(args.data, args.tokenizer, settings)
    else:
        print(f"adapt: 0 steps ({why})")
    with files.replace_folder(args.out) as out:
        files.write_json(out / "adapted.json", {"epochs": epochs})
        if model:
            model.save_pretrained(out)
            shutil.copytree(args.tokenizer, out, dirs_exist_ok=True)
    files.write_metrics(args.metrics, metrics)


if __name__ == "__main__":
    command_line.run(main, "adapt")
