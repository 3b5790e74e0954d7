"""Which tokens of a long text a model reads: its head, its head and tail, or all of it in overlapping windows.

head_tail: Sun et al., "How to Fine-Tune BERT for Text Classification?", 2019: the first quarter and the last three.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from strata.base import files

HEAD, HEAD_TAIL, CHUNKS = "head", "head_tail", "chunks"
TOKENIZER_CONFIG = "tokenizer_config.json"


class Window(NamedTuple):
    """max_length: most tokens of a window, with the special ones around it. kind: HEAD, HEAD_TAIL or CHUNKS.

    overlap: tokens that neighbouring windows share at least. max_chunks: windows of a text. Both are of chunks alone.
    """

    max_length: int
    kind: str = HEAD
    overlap: int = 0
    max_chunks: int = 1

    def longest(self, special: int) -> int:
        """Return how many tokens a text may have of which every one is read. special: tokens around a window.

        >>> Window(10).longest(2), Window(10, "head_tail").longest(2), Window(10, "chunks", 3, 4).longest(2)
        (10, 10, 25)
        """
        return self.max_length + (self.max_chunks - 1) * self._step(special)

    def counts(self, lengths: np.ndarray, special: int) -> np.ndarray:
        """Return the number of windows of each text: (texts,) int. lengths: their tokens, those around included.

        >>> Window(10, "chunks", 3, 4).counts(np.array([2, 10, 11, 15, 16, 25, 99]), 2)
        array([1, 1, 2, 2, 3, 4, 4])
        """
        beyond = np.clip(lengths, self.max_length, self.longest(special)) - self.max_length
        return 1 - -beyond // self._step(special)

    def tokens(self, lengths: np.ndarray, special: int) -> np.ndarray:
        """Return how many tokens the model reads of each text, those of all windows: (texts,) int. As `counts`."""
        return self.counts(lengths, special) * np.minimum(lengths, self.max_length)

    def positions(self, length: int, special: int) -> np.ndarray:
        """Return which of a text's own tokens stand in each window: (windows, tokens) int. length: their number.

        Several windows are all full: the last one ends where the text does, and shares more with the one before it.

        >>> Window(6, "head_tail").positions(9, 2).tolist()
        [[0, 6, 7, 8]]
        >>> Window(6, "chunks", 1, 3).positions(9, 2).tolist()
        [[0, 1, 2, 3], [3, 4, 5, 6], [5, 6, 7, 8]]
        """
        places = self.max_length - special
        if length <= places:
            return np.arange(length)[None]
        if self.kind == HEAD_TAIL:
            first = -(-places // 4)
            return np.concatenate([np.arange(first), np.arange(length - places + first, length)])[None]
        count, last = int(self.counts(np.array(length + special), special)), self.longest(special) - special - places
        starts = np.minimum(np.arange(count) * self._step(special), min(last, length - places))
        return starts[:, None] + np.arange(places)

    def _step(self, special: int) -> int:
        """Return how many tokens a window starts after the one before it."""
        return max(1, self.max_length - special - self.overlap)


def save_window(folder: Path, window: Window) -> None:
    """Add to a saved tokenizer, which says max_length, what else later stages must know; of the head that is all."""
    if window.kind != HEAD:
        path = folder / TOKENIZER_CONFIG
        _, *others = window._asdict().items()
        files.write_json(path, files.read_json(path) | {"window": dict(others)})


def saved_window(folder: Path) -> Window:
    """Return what `save_window` and the tokenizer saved."""
    config = files.read_json(folder / TOKENIZER_CONFIG)
    return Window(config["model_max_length"], **config.get("window", {}))
