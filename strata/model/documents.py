"""Documents: texts of one window of tokens or several. The logits of a document are the mean over its windows.

The token ids of a document are (tokens,) int or, of several windows, which are all full, (windows, tokens) int.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def windows_of(documents: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[int]]:
    """Return the token ids of every window, document after document, and the number of windows of each document."""
    windows = [window for ids in documents for window in np.atleast_2d(ids)]
    return windows, [len(np.atleast_2d(ids)) for ids in documents]


def means(logits: "np.ndarray | torch.Tensor", counts: Sequence[int]) -> "list[np.ndarray] | list[torch.Tensor]":
    """Return the logits of each document, (labels,) each. logits: (windows, labels). counts: as of `windows_of`.

    Gradients go through to every window.
    """
    ends = np.cumsum(counts).tolist()
    return [logits[end - count : end].mean(0) for end, count in zip(ends, counts, strict=True)]
