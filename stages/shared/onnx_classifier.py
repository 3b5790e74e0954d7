"""An ONNX classifier on this machine's CPU: token ids in, logits out. Imports nothing that takes long."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime

from stages.shared import batches

BATCH = 16  # rows; larger ones are no faster on a core, and are padded more


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class OnnxClassifier:
    """A model that takes input_ids and attention_mask, (batch, tokens) int64 both. threads: None takes every core.

    Many rows are scored a batch a thread, which is faster than all threads on each batch, since none waits for another;
    a single batch has all threads. Each way has a session of its own, which is loaded when it is first needed.
    """

    def __init__(self, path: Path, pad_id: int, threads: int | None = None):
        self.path, self.pad_id, self.threads = path, pad_id, threads or cores()

    @cached_property
    def many(self) -> onnxruntime.InferenceSession:
        """For batches side by side."""
        return self._session(1)

    @cached_property
    def one(self) -> onnxruntime.InferenceSession:
        """For a batch alone."""
        return self.many if self.threads == 1 else self._session(self.threads)

    def logits(self, input_ids: Sequence[Sequence[int]], batch_size: int = BATCH) -> np.ndarray:
        """Return (rows, labels) float64. input_ids: a row's token ids each. Raises: ValueError on NaN logits."""
        is_alone = len(input_ids) <= batch_size
        session = self.one if is_alone else self.many

        def logits_of(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
            return session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]

        if is_alone:
            return batches.logits(input_ids, logits_of, batch_size, self.pad_id, map)
        with ThreadPoolExecutor(self.threads) as pool:
            return batches.logits(input_ids, logits_of, batch_size, self.pad_id, pool.map)

    def probabilities(self, input_ids: Sequence[Sequence[int]], batch_size: int = BATCH) -> np.ndarray:
        """Return the softmax of `logits`. Arguments and errors: as there."""
        return batches.softmax(self.logits(input_ids, batch_size))

    def _session(self, threads: int) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
