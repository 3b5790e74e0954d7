"""Inference: the predictor, compared with a typical notebook and with the same model in other runtimes."""

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
SINGLE = 200  # texts that are timed one at a time
SINGLE_WARM_UP = 10  # more texts before them


def recorded_texts() -> list[str]:
    """Return the texts of the recorded run's test rows."""
    return tables.read(ROOT / "data/split/test.parquet").sort_values("id")["text"].tolist()


def sorted_batches(
    tokenizer: Tokenizer,
    score: Callable[[list[Batch]], Iterable[np.ndarray]],
    texts: list[str],
    batch_size: int,
    pad_id: int,
) -> np.ndarray:
    """Classify texts in batches sorted by length: (texts,) label ids. score: maps batches to the logits of each."""
    encoded = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]
    order, batches = by_length(encoded, batch_size, pad_id)
    sorted_labels = np.concatenate(list(score(batches))).argmax(axis=1)
    labels = np.empty_like(sorted_labels)
    labels[order] = sorted_labels
    return labels


def measure(predict: Callable[[list[str]], np.ndarray], warm_up: int = 64) -> None:
    """Print as JSON: texts per second of all at once, the median milliseconds of one alone, and the label ids."""
    texts = recorded_texts()
    predict(texts[:warm_up])
    start = time.perf_counter()
    labels = predict(texts)
    seconds = time.perf_counter() - start
    single = []
    for text in texts[: SINGLE_WARM_UP + SINGLE]:
        start = time.perf_counter()
        predict([text])
        single.append(time.perf_counter() - start)
    single_ms = 1000 * statistics.median(single[SINGLE_WARM_UP:])
    print(json.dumps({"rows_a_second": len(texts) / seconds, "single_ms": single_ms, "labels": labels.tolist()}))
