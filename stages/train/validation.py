"""Scoring during training: validation rows between steps."""

import numpy as np
import torch

from stages.train.training import ADVICE, PROBABILITIES, Training
from strata.base.errors import StrataError
from strata.model.batches import MOST_TOKENS, probabilities
from strata.scoring import LOWER_IS_BETTER, scores
from strata.training import memory
from strata.training.counters import Counters
from strata.training.snapshot import Snapshots

BATCH_SIZE = 128  # most rows; more than in training, since no gradients are held
PURPOSE = "while scoring validation rows"
REMEDY = "lower tokenize.max_length, or choose a smaller model"


def predict(training: Training, model: torch.nn.Module, input_ids: list[np.ndarray], purpose: str) -> np.ndarray:
    """Return a model's probabilities: (rows, labels) float64.

    purpose: for the error when memory runs out, such as "while scoring validation rows".
    Raises: ValueError on NaN or infinite logits; StrataError when memory runs out.
    """

    def logits_of(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return training.logits(model, ids, mask).cpu().numpy()

    longest = max(ids.shape[-1] for ids in input_ids)
    with torch.inference_mode(), memory.explained(purpose, rows_of(longest), longest, REMEDY):
        return probabilities(input_ids, logits_of, BATCH_SIZE, training.pad_id)


def rows_of(longest: int) -> int:
    """Return the most rows in a batch of rows of this many tokens."""
    return min(BATCH_SIZE, max(1, MOST_TOKENS // longest))


def validation_probabilities(training: Training) -> np.ndarray:
    """Return the probabilities of the validation rows, (rows, labels) float64. Each process scores its share of them.

    Raises: StrataError when they are NaN or infinite, or memory runs out.
    """
    rows, run = training.splits["validation"], training.run
    own = slice(run.process_group.rank, None, run.process_group.size)
    shape = len(rows.label), len(training.labels.names)
    all_probabilities = torch.zeros(shape, dtype=torch.float64, device=run.device)
    run.network.eval()
    try:
        if rows.input_ids[own]:
            own_probabilities = predict(training, run.network, rows.input_ids[own], PURPOSE)
            all_probabilities[own] = torch.from_numpy(own_probabilities).to(run.device)
    except ValueError:
        raise StrataError(f"the loss has become NaN or infinite; {ADVICE.on_nan}") from None
    run.network.train()
    run.process_group.sum(all_probabilities)
    return all_probabilities.cpu().numpy()


def is_best(entry: dict, counters: Counters, metric: str) -> bool:
    """Whether an evaluation is better than all before it; of equally good ones, one with a lower loss is.

    Raises: StrataError when its metric is undefined.
    """
    if entry[metric] is None:
        raise StrataError(
            f"train.best_metric {metric} is undefined on validation rows of one label; choose accuracy or loss"
        )
    best, sign = counters.best, -1 if metric in LOWER_IS_BETTER else 1
    return best is None or (sign * entry[metric], -entry["loss"]) > (sign * best[metric], -best["loss"])


def evaluate(training: Training, snapshots: Snapshots) -> None:
    """Score the validation rows, and keep the weights if they are the best so far."""
    longest = max(ids.shape[-1] for ids in training.splits["validation"].input_ids)
    snapshots.note_batch(PURPOSE, rows_of(longest), longest)
    probabilities = validation_probabilities(training)
    values = scores(training.splits["validation"].label, probabilities, training.labels.positive_id)
    entry = {"step": training.run.counters.step, "loss": values["log_loss"], **values}
    improved = is_best(entry, training.run.counters, training.settings.best_metric)
    training.run.counters.validation.append(entry)
    if improved:
        training.run.keep_best(**{PROBABILITIES: torch.from_numpy(probabilities)})
