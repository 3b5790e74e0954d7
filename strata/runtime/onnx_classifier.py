"""An ONNX classifier on this machine's CPU: token ids in, logits out. Imports nothing that takes long.

Texts are scored one by one. In a batch, int8 takes the scale of its activations from all texts together, so that a
text's label would depend on its neighbours: of 1,706, 31 got another one in batches than alone (docs/lab-notes.md).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime

from strata.base.cores import cores
from strata.softmax import softmax

CHUNK = 32  # texts that a thread takes at a time


class OnnxClassifier:
    """A model that takes input_ids and attention_mask, (1, tokens) int64 both. threads: None takes every core.

    Many texts are scored a text a thread; one text has all threads. Each way has a session of its own, which is loaded
    when it is first needed.
    """

    def __init__(self, path: Path, threads: int | None = None):
        self.path, self.threads = path, threads or cores()

    @cached_property
    def many(self) -> onnxruntime.InferenceSession:
        """For texts side by side."""
        return self._session(1)

    @cached_property
    def one(self) -> onnxruntime.InferenceSession:
        """For a text alone."""
        return self.many if self.threads == 1 else self._session(self.threads)

    def logits(self, input_ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Return (texts, labels) float64. input_ids: a text's token ids each. Raises: ValueError on NaN logits."""
        if len(input_ids) == 1:
            logits = _score(self.one, input_ids)
        else:
            chunks = [input_ids[start : start + CHUNK] for start in range(0, len(input_ids), CHUNK)]
            with ThreadPoolExecutor(self.threads) as pool:
                logits = np.concatenate(list(pool.map(lambda chunk: _score(self.many, chunk), chunks)))
        if not np.isfinite(logits).all():
            raise ValueError("the model gives NaN or infinite logits")
        return logits

    def probabilities(self, input_ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Return the softmax of `logits`. Arguments and errors: as there."""
        return softmax(self.logits(input_ids))

    def _session(self, threads: int) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])


def _score(session: onnxruntime.InferenceSession, input_ids: Sequence[Sequence[int]]) -> np.ndarray:
    """Return (texts, labels) float64, a text at a time."""
    logits = []
    for ids in input_ids:
        row = np.asarray(ids, dtype=np.int64)[None]
        logits.append(session.run(["logits"], {"input_ids": row, "attention_mask": np.ones_like(row)})[0][0])
    return np.array(logits, dtype=np.float64)
