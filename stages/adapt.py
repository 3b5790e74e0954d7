"""Train the checkpoint on the training rows' texts, without their labels, before it is fine-tuned; off by default.

    python -m stages.adapt --params params.yaml --recipes recipes --data data/tokenize/train \
        --tokenizer data/tokenize/tokenizer --out models/adapt --metrics metrics/adapt.json

Some tokens are hidden, and the model tells them from the others (Devlin et al., 2019), here on the rows of the task
itself (Gururangan et al., 2020). Writes adapted.json, which says for how many epochs. Where there are some, it stands
in a folder that transformers loads: the encoder, what the checkpoint has on top of it (a pooler, a classifier's head)
as it was, and the tokenizer.
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
from strata.model import checkpoint
from strata.model.tokens import read_tokens
from strata.settings.params import Adapt
from strata.settings.reader import read_settings

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

WARMUP = 0.06  # share of all steps, as in Gururangan et al.


def load(
    folder: Path, tokenizer_folder: Path, seed: int
) -> tuple["PreTrainedModel", "PreTrainedModel", "PreTrainedTokenizerBase"]:
    """Return the whole checkpoint, its encoder under a masked-language head, and the tokenizer.

    What the checkpoint lacks of that head is drawn from `seed`, as are tokens beyond its vocabulary.
    Raises: StrataError when it cannot be loaded, or has no such head or mask token.
    """
    import torch
    from transformers import (
        MODEL_FOR_MASKED_LM_MAPPING,
        AutoConfig,
        AutoModel,
        AutoModelForMaskedLM,
        AutoModelForSequenceClassification,
        AutoTokenizer,
        set_seed,
    )

    options = {"dtype": torch.float32, "use_safetensors": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, trust_remote_code=False)
        if type(config) not in MODEL_FOR_MASKED_LM_MAPPING or tokenizer.mask_token is None:
            lacks = "mask token" if type(config) in MODEL_FOR_MASKED_LM_MAPPING else "masked-language head"
            raise StrataError(
                f"model.checkpoint {folder}: {config.model_type} has no {lacks}, which adapt.epochs above 0 needs; set "
                "it to 0, or choose another checkpoint, such as a BERT or RoBERTa"
            )
        is_classifier = any(name.endswith("ForSequenceClassification") for name in config.architectures or [])
        models = []
        for kind in (AutoModelForSequenceClassification if is_classifier else AutoModel, AutoModelForMaskedLM):
            set_seed(seed)
            model = kind.from_pretrained(folder, **options)
            if len(tokenizer) > model.get_input_embeddings().num_embeddings:
                model.resize_token_embeddings(len(tokenizer))
            models.append(model)
    except (OSError, ValueError, RuntimeError) as error:
        raise StrataError(
            f"model.checkpoint {folder}: cannot be loaded: {str(error).strip().splitlines()[0]}"
        ) from None
    return *models, tokenizer


def masked_loss(outputs: dict, labels: "torch.Tensor", num_items_in_batch: object = None) -> "torch.Tensor":
    """Return the mean cross-entropy of the hidden tokens, 0 where a batch has none, whose mean would be NaN.

    outputs["logits"]: (rows, tokens, vocabulary). labels: (rows, tokens), -100 where nothing is hidden.
    """
    from torch.nn.functional import cross_entropy

    hidden = labels != -100
    summed = cross_entropy(outputs["logits"][hidden].float(), labels[hidden], reduction="sum")
    return summed / hidden.sum().clamp(min=1)


def adapt(
    model: "PreTrainedModel",
    input_ids: list[np.ndarray],
    tokenizer: "PreTrainedTokenizerBase",
    settings: Adapt,
    seed: int,
    precision: str,
) -> dict[str, float]:
    """Train a model with a masked-language head in place. input_ids: of each row. precision: bf16, fp16 or fp32.

    Returns: steps, and the loss of hidden tokens over about the first and the last tenth of them, nats a token.
    Raises: StrataError on a loss that is no number.
    """
    import torch
    from transformers import DataCollatorForLanguageModeling, PrinterCallback, Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as nothing:  # the Trainer wants a folder, and writes none of its own into it
        arguments = TrainingArguments(
            output_dir=nothing,
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            train_sampling_strategy="group_by_length",
            learning_rate=settings.lr,
            warmup_steps=WARMUP,
            seed=seed,
            full_determinism=torch.cuda.is_available(),  # a CPU repeats by itself
            use_cpu=not torch.cuda.is_available(),
            bf16=precision == "bf16",
            fp16=precision == "fp16",
            save_strategy="no",
            logging_steps=0.1,
            logging_nan_inf_filter=False,
            disable_tqdm=not sys.stderr.isatty(),
            report_to=[],
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=[{"input_ids": ids.tolist()} for ids in input_ids],
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=settings.masked, seed=seed),
            compute_loss_func=masked_loss,
        )
        trainer.remove_callback(PrinterCallback)
        done = trainer.train()
    if not math.isfinite(done.training_loss):
        raise StrataError("the loss has become NaN or infinite; lower adapt.lr")
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"steps": done.global_step, "masked_loss_first": losses[0], "masked_loss_last": losses[-1]}


def main(argv: list[str] | None = None) -> None:
    args = command_line.arguments(__doc__, argv, "--data", "--tokenizer", "--out", "--metrics")
    settings, _ = read_settings(args.params, args.recipes)
    metrics, whole = {"steps": 0}, None
    if settings.adapt.epochs:
        folder = checkpoint.locate(settings.model)
        # the Trainer takes every GPU that it sees, and multiplies the batch by them
        os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        from strata.model.precision import choose

        precision = choose("auto")
        rows = read_tokens(args.data).distinct()
        whole, masked, tokenizer = load(folder, args.tokenizer, settings.seed)
        metrics = adapt(masked, rows.input_ids, tokenizer, settings.adapt, settings.seed, precision)
        whole.base_model.load_state_dict(masked.base_model.state_dict(), strict=False)  # which has no pooler
    with files.replace_folder(args.out) as out:
        files.write_json(out / "adapted.json", {"epochs": settings.adapt.epochs})
        if whole:
            whole.save_pretrained(out)
            shutil.copytree(args.tokenizer, out, dirs_exist_ok=True)
    files.write_metrics(args.metrics, metrics)
    if whole:
        losses = f"loss of hidden tokens {metrics['masked_loss_first']:.3f} to {metrics['masked_loss_last']:.3f}"
        print(f"adapt: {metrics['steps']:,} steps on {len(rows.id):,} rows in {precision}, {losses}")
    else:
        print("adapt: 0 steps (adapt.epochs is 0)")


if __name__ == "__main__":
    command_line.run(main, "adapt")
