"""What each kind of model takes of a text, and the inputs of its ONNX file.

A transformer takes token ids; TF-IDF takes features (strata/tfidf); a stack takes both.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from strata.model_kinds import STACK, TFIDF, TRANSFORMER
from strata.tfidf.ngrams import Features

Inputs = dict[str, tuple[str, int]]  # name: type and rank
_TOKENS: Inputs = dict.fromkeys(("input_ids", "attention_mask"), ("tensor(int64)", 2))
_FEATURES: Inputs = {"indices": ("tensor(int64)", 1), "weights": ("tensor(float)", 1)}
INPUTS = {TRANSFORMER: _TOKENS, TFIDF: _FEATURES, STACK: _TOKENS | _FEATURES}
"""By kind."""


class Both(NamedTuple):
    """What a stack takes of a text."""

    ids: Sequence[int]
    features: Features


class Sure(NamedTuple):
    """The answer to a text that a cascade has found already. logits: (labels,)."""

    logits: np.ndarray


Taken = Sequence[int] | Features | Both | Sure


def feed(taken: Taken) -> dict[str, np.ndarray]:
    """Return the inputs of a session for one text."""
    if isinstance(taken, Both):
        return feed(taken.ids) | feed(taken.features)
    if isinstance(taken, Features):
        return {"indices": taken.indices, "weights": taken.weights.astype(np.float32)}
    row = np.asarray(taken, dtype=np.int64)[None]
    return {"input_ids": row, "attention_mask": np.ones_like(row)}
