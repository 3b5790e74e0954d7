"""An ONNX classifier on this machine's CPU: token ids in, logits out. Imports nothing that takes long."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime

from stages.shared import batches

BATCH = 16  # rows; larger ones are no faster on a core, and are padded more


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class OnnxClassifier:
    """A model that takes input_ids and attention_mask, (batch, tokens) int64 both. threads: None takes every core."""

    def __init__(self, path: Path, pad_id: int, threads: int | None = None):
        options = onnxruntime.SessionOptions()
        # A thread a batch is faster than all threads on each batch: they need not wait for each other.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.pad_id, self.threads = pad_id, threads or cores()

    def logits_of(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the logits of one batch, (batch, labels) float32. ids, mask: (batch, tokens) int64."""
        return self.session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]

    def logits(self, input_ids: Sequence[Sequence[int]], batch_size: int = BATCH) -> np.ndarray:
        """Return (rows, labels) float64. input_ids: a row's token ids each. Raises: ValueError on NaN logits."""
        if len(input_ids) <= batch_size:
            return batches.logits(input_ids, self.logits_of, batch_size, self.pad_id, map)
        with ThreadPoolExecutor(self.threads) as pool:
            return batches.logits(input_ids, self.logits_of, batch_size, self.pad_id, pool.map)

    def probabilities(self, input_ids: Sequence[Sequence[int]], batch_size: int = BATCH) -> np.ndarray:
        """Return the softmax of `logits`. Arguments and errors: as there."""
        return batches.softmax(self.logits(input_ids, batch_size))
