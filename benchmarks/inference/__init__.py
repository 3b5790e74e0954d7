"""Inference: the predictor beside what a notebook does, and beside the same model in other runtimes."""

import json
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from strata.base import tables
from strata.model.batches import Batch, by_length

ROOT = Path(__file__).parents[2]
SINGLE = 200  # texts, one at a time


def texts() -> list[str]:
    """The texts of the recorded run's test rows."""
    return tables.read(ROOT / "data/split/test.parquet").sort_values("id")["text"].tolist()


def sorted_batches(
    tokenizer: Tokenizer,
    score: Callable[[list[Batch]], Iterable[np.ndarray]],
    given: list[str],
    batch_size: int,
    pad_id: int,
) -> np.ndarray:
    """Score texts in batches of like length: (texts,) ids of labels. score: batches to the logits of each."""
    encoded = [encoding.ids for encoding in tokenizer.encode_batch_fast(given)]
    order, batches = by_length(encoded, batch_size, pad_id)
    found = np.concatenate(list(score(batches))).argmax(axis=1)
    unsorted = np.empty_like(found)
    unsorted[order] = found
    return unsorted


def measure(predict: Callable[[list[str]], np.ndarray], warm_up: int = 64) -> None:
    """Print as JSON: texts a second of all at once, the median milliseconds of one at a time, and the labels."""
    given = texts()
    predict(given[:warm_up])
    start = time.perf_counter()
    labels = predict(given)
    seconds = time.perf_counter() - start
    alone = []
    for text in given[: SINGLE + 10]:
        start = time.perf_counter()
        predict([text])
        alone.append(time.perf_counter() - start)
    single = 1000 * statistics.median(alone[10:])
    print(json.dumps({"rows_a_second": len(given) / seconds, "single_ms": single, "labels": labels.tolist()}))
