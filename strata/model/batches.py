"""Padded batches of token ids for inference. Rows are sorted by length, so that batches contain little padding."""

from collections.abc import Callable, Sequence

import numpy as np

from strata.model.documents import means, windows_of
from strata.softmax import softmax

MOST_TOKENS = 16_384  # in a batch, padding included: long rows need no more memory than 128 rows of 128 tokens

Batch = tuple[np.ndarray, np.ndarray]
"""Token ids and attention mask, both (rows, longest) int64."""


def padded(rows: Sequence[np.ndarray], pad_id: int) -> Batch:
    """Return one batch. rows: token ids of each row."""
    lengths = np.array([len(row) for row in rows])
    mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask == 1] = np.concatenate(rows)
    return ids, mask


def groups(lengths: Sequence[int], batch_size: int, most_tokens: int = MOST_TOKENS) -> list[np.ndarray]:
    """Return the positions of the rows of each batch, (rows,) int, from the shortest row to the longest.

    lengths: (rows,) tokens. most_tokens: in a batch of several rows, padding included.
    """
    lengths = np.asarray(lengths)
    left, found = np.argsort(lengths, kind="stable"), []
    while len(left):
        rows = left[:batch_size]
        fit = np.arange(1, len(rows) + 1) * lengths[rows] <= most_tokens
        found.append(rows[: max(1, fit.sum())])
        left = left[len(found[-1]) :]
    return found


def by_length(input_ids: Sequence[Sequence[int]], batch_size: int, pad_id: int) -> tuple[np.ndarray, list[Batch]]:
    """Return the rows' positions from shortest to longest, (rows,) int, and batches of the rows in that order."""
    found = groups([len(row) for row in input_ids], batch_size)
    return np.concatenate(found), [padded([input_ids[i] for i in rows], pad_id) for rows in found]


def logits(
    input_ids: Sequence[Sequence[int]],
    logits_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    batch_size: int,
    pad_id: int,
) -> np.ndarray:
    """Score rows in batches sorted by length. Return their logits in the original order: (rows, labels) float64.

    input_ids: token ids of each row, as `documents` says. logits_of: maps ids and attention mask of windows, both
    (batch, longest) int64, to logits (batch, labels).
    Raises: ValueError on NaN or infinite logits.
    """
    windows, counts = windows_of(input_ids)
    order, batches = by_length(windows, batch_size, pad_id)
    logits_of(*batches[0])  # warm up: the first batch of a process can differ in its last digits (docs/lab-notes.md)
    sorted_logits = np.concatenate([logits_of(*batch) for batch in batches]).astype(np.float64)
    if not np.isfinite(sorted_logits).all():
        raise ValueError("the model gives NaN or infinite logits; train with a lower train.lr or in fp32")
    original_order = np.empty_like(sorted_logits)
    original_order[order] = sorted_logits
    return original_order if len(windows) == len(counts) else np.stack(means(original_order, counts))


def probabilities(
    input_ids: Sequence[Sequence[int]],
    logits_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    batch_size: int,
    pad_id: int,
) -> np.ndarray:
    """Return the softmax of `logits`: (rows, labels) float64. Arguments and errors: as `logits`."""
    return softmax(logits(input_ids, logits_of, batch_size, pad_id))
