"""How many tokens of a row the model reads: the number in params.yaml, or one that fits the training rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from strata.base.errors import StrataError
from strata.model import pretrained
from strata.model.probe import positions

UNLIMITED = 10**9
SMALLEST = 64
MOST_CUT = 0.05
"""Largest share of the training rows that `auto` cuts, where the model can read more."""


def limit_of(folder: Path, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return how many tokens of a row a checkpoint says that it reads; UNLIMITED where it says nothing."""
    # without max_position_embeddings, positions are relative and have no limit
    named = getattr(pretrained.load_config(folder), "max_position_embeddings", None) or UNLIMITED
    return min(tokenizer.model_max_length, named if named > 0 else UNLIMITED, UNLIMITED)  # XLNet's is -1


def check(max_length: int, folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise StrataError when a checkpoint is broken, or has no positions for so many tokens."""
    limit = positions(folder, tokenizer, min(max_length, limit_of(folder, tokenizer)))
    if max_length > limit:
        raise StrataError(f"tokenize.max_length is {max_length}, the checkpoint's limit is {limit}; lower it")


def chosen(lengths: np.ndarray, limit: int, folder: Path, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the length that `auto` selects, and print what it costs. lengths: (rows,) tokens of the training rows.

    limit: see `limit_of`. The length does not depend on tokenize.window: with chunks, too, most texts should fit into
    one window.
    """
    size = fitting(lengths, limit)
    size = min(size, positions(folder, tokenizer, min(size, limit)))
    said, half = f"{size:,} tokens: cuts {(lengths > size).mean():.1%} of the training rows", size // 2
    hidden = getattr(pretrained.load_config(folder), "hidden_size", None)
    if half >= SMALLEST and hidden:
        times = relative_time(lengths, size, half, hidden)
        said += f", about {times:.1f} times the time of {half:,}, which cuts {(lengths > half).mean():.1%}"
    print(f"tokenize: max_length {said}")
    return size


def fitting(lengths: np.ndarray, limit: int) -> int:
    """Return the smallest of 64, 128, 256, ... and `limit` that cuts few rows. lengths: (rows,) tokens.

    >>> fitting(np.array([10] * 96 + [100] * 4), 512), fitting(np.array([10] * 90 + [100] * 10), 512)
    (64, 128)
    """
    return next((size for size in sizes(limit) if (lengths > size).mean() <= MOST_CUT), limit)


def sizes(limit: int) -> Iterator[int]:
    """Yield 64 and its doubles below `limit`, then `limit`.

    >>> list(sizes(514))
    [64, 128, 256, 512, 514]
    """
    size = SMALLEST
    while size < limit:
        yield size
        size *= 2
    yield limit


def relative_time(lengths: np.ndarray, size: int, other: int, hidden: int) -> float:
    """Return roughly how many times as long a pass over rows takes when they are cut at `size` instead of `other`.

    lengths: (rows,) tokens before they are cut. hidden: the model's width. For a row of n tokens, the weights of a
    layer take 24 n hidden^2 operations, and the two products of its attention 4 n^2 hidden.
    """
    cut, cut_at_other = (np.minimum(lengths, most).astype(np.float64) for most in (size, other))
    return float((cut * (6 * hidden + cut)).sum() / (cut_at_other * (6 * hidden + cut_at_other)).sum())
