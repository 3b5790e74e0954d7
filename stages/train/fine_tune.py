"""Fine-tuning with the Hugging Face Trainer."""

import math
import sys
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from scipy.special import softmax
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from stages.shared import params
from stages.shared.command import StageError
from stages.shared.labels import Labels
from stages.shared.scores import LOWER_IS_BETTER, scores
from stages.train.precision import choose

LOSS_POINTS = 50  # points of the training-loss curve, at most


class EvaluateAt(TrainerCallback):
    """Evaluate after exactly these optimizer steps, where a fixed interval would miss the end of an epoch."""

    def __init__(self, steps: set[int]):
        self.steps = steps

    def on_step_end(self, args, state, control, **kwargs):
        control.should_evaluate = state.global_step in self.steps
        return control


def load_model(
    folder: Path, tokenizer_folder: Path, labels: Labels, seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a checkpoint with a classification head for `labels`; a new head is drawn from `seed`.

    Tokens that the tokenizer has beyond the checkpoint's vocabulary get embeddings drawn near the mean of the others.

    Raises: StageError when there are no safetensors weights, or a head of another size.
    """
    set_seed(seed)
    names = dict(enumerate(labels.names))
    try:
        model = AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=len(names),
            id2label=names,
            label2id={name: i for i, name in names.items()},
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
        )
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise StageError(
            f"model.checkpoint {folder}: cannot be loaded with {len(names)} labels: "
            f"{str(error).strip().splitlines()[0]}"
        ) from None
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer))
    return model, tokenizer


def weighted_loss(weights: torch.Tensor):
    """Return a loss for the Trainer: cross-entropy, each row times its label's weight. weights: (labels,)."""

    def loss(outputs, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None) -> torch.Tensor:
        logits = outputs.logits.float()  # (rows, labels)
        total = torch.nn.functional.cross_entropy(logits, labels, weights.to(logits.device), reduction="sum")
        return total / (len(labels) if num_items_in_batch is None else num_items_in_batch)

    return loss


def class_weights(label: list[int], labels: Labels, wanted: str | dict[str, float]) -> torch.Tensor | None:
    """Return the weight of each label's rows in the loss, (labels,), or None where all weigh the same.

    label: of the training rows. balanced: rows / (labels * rows of the label), as scikit-learn has it.
    """
    if wanted == "none":
        return None
    if wanted == "balanced":
        counts = np.bincount(label, minlength=len(labels.names))
        return torch.tensor(len(label) / (len(counts) * counts), dtype=torch.float32)
    return torch.tensor([wanted[name] for name in labels.names], dtype=torch.float32)


def fine_tune(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    splits: dict[str, Dataset],
    labels: Labels,
    settings: params.Train,
    seed: int,
    work: Path,
) -> tuple[list[dict], int]:
    """Train `model` in place and leave it with the weights of the best evaluation.

    splits: train and validation, with `input_ids`, `label` and `length`. work: a folder for temporary checkpoints.
    Returns: the Trainer's log, an entry a logged step, and the step whose weights are kept.
    """
    columns = ["input_ids", "label", "length"]
    splits = {name: rows.select_columns(columns) for name, rows in splits.items()}
    steps_per_epoch = math.ceil(len(splits["train"]) / settings.batch_size / settings.gradient_accumulation)
    steps = steps_per_epoch * settings.epochs
    evaluations = settings.evaluations_per_epoch * settings.epochs
    evaluate_at = {math.ceil(steps * (i + 1) / evaluations) for i in range(evaluations)}
    precision = choose(settings.precision)
    print(f"train: {steps:,} steps of {settings.batch_size * settings.gradient_accumulation} rows in {precision}")

    def compute_metrics(prediction: EvalPrediction) -> dict[str, float]:
        logits, truth = prediction.predictions, prediction.label_ids  # (rows, labels), (rows,)
        if not np.isfinite(logits).all():
            raise StageError("the loss has become NaN or infinite; lower train.lr, or set train.precision to fp32")
        return scores(truth, softmax(logits.astype(np.float64), axis=1), labels.positive_id)

    arguments = TrainingArguments(
        output_dir=str(work),
        seed=seed,
        data_seed=seed,
        use_cpu=not torch.cuda.is_available(),
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        learning_rate=settings.lr,
        lr_scheduler_type=settings.schedule,
        warmup_steps=math.ceil(steps * settings.warmup),
        weight_decay=settings.weight_decay,
        optim="adamw_torch_fused",
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        eval_strategy="steps",
        eval_steps=steps,  # the last one; EvaluateAt adds the others
        save_strategy="best",
        save_only_model=True,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model=settings.best_metric,
        greater_is_better=settings.best_metric not in LOWER_IS_BETTER,
        logging_steps=max(1, steps // LOSS_POINTS),
        disable_tqdm=not sys.stderr.isatty(),
        report_to=[],
    )
    if arguments.n_gpu > 1:
        raise StageError(
            f"{arguments.n_gpu} GPUs are visible; training takes one: set CUDA_VISIBLE_DEVICES to one number"
        )
    callbacks = [EvaluateAt(evaluate_at)]
    if settings.patience is not None:
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=settings.patience))
    weights = class_weights(splits["train"]["label"], labels, settings.class_weights)
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=splits["train"],
        eval_dataset=splits["validation"],
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=compute_metrics,
        compute_loss_func=None if weights is None else weighted_loss(weights),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)  # it prints every logged step where nobody watches
    trainer.train()
    return trainer.state.log_history, trainer.state.best_global_step
