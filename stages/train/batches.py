"""Which rows each batch holds: a pure function of lengths, seed and epoch, so that a resumed run needs no sampler."""

import numpy as np

POOL = 50  # batches that are sorted by length together; all of them at once would train on one length at a time


def epoch(lengths: np.ndarray, seed: int, number: int, batch_size: int, batch_tokens: int | None) -> list[np.ndarray]:
    """Return the rows of each batch of an epoch: shuffled, rows of like length together, batches in random order.

    lengths: (rows,) tokens. batch_tokens: a batch's most tokens with its padding, in place of batch_size; a row that is
    longer is a batch alone.
    Returns: a (rows of the batch,) int array for each.
    """
    random = np.random.default_rng([seed, number])
    order = random.permutation(len(lengths))
    size = batch_size if batch_tokens is None else max(1, int(batch_tokens / lengths.mean()))
    batches = []
    for start in range(0, len(order), POOL * size):
        pool = order[start : start + POOL * size]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        if batch_tokens is None:
            batches += np.split(pool, range(batch_size, len(pool), batch_size))
        else:
            batches += _by_tokens(pool, lengths[pool], batch_tokens)
    order = random.permutation(len(batches))
    if number == 0:  # the largest batch first: memory runs out early or never
        largest = max(order, key=lambda i: len(batches[i]) * lengths[batches[i]].max())
        order = np.concatenate([[largest], order[order != largest]])
    return [batches[i] for i in order]


def _by_tokens(rows: np.ndarray, lengths: np.ndarray, most: int) -> list[np.ndarray]:
    """Cut rows, the longest first, into batches of at most `most` tokens."""
    bounds, start = [], 0
    while start < len(rows):
        start += max(1, most // int(lengths[start]))
        bounds.append(start)
    return np.split(rows, bounds[:-1])


def steps(
    lengths: np.ndarray, seed: int, epochs: int, batch_size: int, batch_tokens: int | None, accumulation: int
) -> list[list[np.ndarray]]:
    """Return the batches of each optimizer step of all epochs; the last step of an epoch may have fewer."""
    planned = []
    for number in range(epochs):
        batches = epoch(lengths, seed, number, batch_size, batch_tokens)
        planned += [batches[i : i + accumulation] for i in range(0, len(batches), accumulation)]
    return planned
