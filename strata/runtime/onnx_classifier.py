"""An ONNX classifier on this machine's CPU: what is taken of texts in, logits out. Imports nothing that takes long.

Texts are scored one by one. In a batch, int8 takes the scale of its activations from all texts together, so that a
text's label would depend on its neighbours: 31 of 1,706 got another one in batches than alone (docs/lab-notes.md).
"""

import re
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime

from strata.base.cores import cores
from strata.base.errors import StrataError
from strata.model_kinds import TRANSFORMER
from strata.runtime.feeds import INPUTS, Sure, Taken, feed
from strata.softmax import softmax

CHUNK = 32  # texts that a thread takes at a time
FATAL = 4  # ONNX Runtime's severity: it writes nothing else to the terminal
OUTPUTS = {"logits": ("tensor(float)", 2)}
MOST_WORDS = 200  # characters of its message
REMEDY = "take the folder from one run: dvc checkout --force, or download it again"

onnxruntime.set_default_logger_severity(FATAL)  # it colours its warnings, and raises its errors as well


class NotFiniteError(StrataError, ValueError):
    """The model gives NaN or infinite logits."""


class OnnxClassifier:
    """A model that takes of each text what its kind takes, see feeds.py. threads: at most; None: one per core.

    Of many texts, each thread scores one at a time; a single text has all threads. Each way has its own session, loaded
    when it is first needed, which raises StrataError when the file is no such model.
    """

    def __init__(self, path: Path, threads: int | None = None, kind: str = TRANSFORMER):
        self.path, self.threads, self.kind = path, min(threads or cores(), cores()), kind

    @cached_property
    def many(self) -> onnxruntime.InferenceSession:
        """For texts side by side."""
        return self._session(1)

    @cached_property
    def one(self) -> onnxruntime.InferenceSession:
        """For a text alone."""
        return self.many if self.threads == 1 else self._session(self.threads)

    @property
    def labels(self) -> int:
        """The number of labels."""
        return self.one.get_outputs()[0].shape[-1]

    def logits(self, input_ids: Sequence[Taken], alone: bool = True) -> np.ndarray:
        """Return (texts, labels) float64. input_ids: what is taken of each text, the ids of several windows in rows.


        alone: no other text is scored meanwhile.
        Raises: NotFiniteError on NaN or infinite logits; StrataError when the model fails on a text.
        """
        if len(input_ids) == 1:
            return self._finite(self._score(self.one if alone else self.many, input_ids))
        return self.gathered(self.submitted(input_ids))

    def submitted(self, input_ids: Sequence[Taken]) -> list[Future[np.ndarray]]:
        """Start to score texts side by side, after those that were submitted before, and without a pause between them.

        Returns: logits to come, of CHUNK texts each at most, for `gathered`.
        """
        size = max(1, min(CHUNK, len(input_ids) // self.threads))
        chunks = (input_ids[start : start + size] for start in range(0, len(input_ids), size))
        return [self._pool.submit(self._score, self.many, chunk) for chunk in chunks]

    def gathered(self, submitted: list[Future[np.ndarray]]) -> np.ndarray:
        """Wait for what was submitted, and return its logits: (texts, labels) float64. Raises: as `logits`."""
        try:
            logits = [future.result() for future in submitted]
        finally:  # after an error, or Ctrl-C
            for future in submitted:
                future.cancel()
        return self._finite(np.concatenate(logits) if logits else np.empty((0, self.labels)))

    def probabilities(self, input_ids: Sequence[Taken]) -> np.ndarray:
        """Return the softmax of `logits`. Arguments and errors: as there."""
        return softmax(self.logits(input_ids))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads)

    def _finite(self, logits: np.ndarray) -> np.ndarray:
        if not np.isfinite(logits).all():
            raise NotFiniteError(f"{self.path}: the model gives NaN or infinite logits; train again, or {REMEDY}")
        return logits

    def _session(self, threads: int) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = FATAL
        try:
            session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of many kinds
            raise StrataError(f"{self.path}: ONNX Runtime cannot load it ({_reason(error)}); {REMEDY}") from None
        inputs, outputs = _types(session.get_inputs()), _types(session.get_outputs())
        if inputs != INPUTS[self.kind] or outputs != OUTPUTS:
            raise StrataError(
                f"{self.path}: takes {_listed(inputs)} and gives {_listed(outputs)}; a classifier takes "
                f"{_listed(INPUTS[self.kind])} and gives {_listed(OUTPUTS)}: {REMEDY}"
            )
        return session

    def _score(self, session: onnxruntime.InferenceSession, input_ids: Sequence[Taken]) -> np.ndarray:
        """Return (texts, labels) float64, a window of a text at a time. Raises: StrataError when the model fails."""
        logits = [taken.logits if isinstance(taken, Sure) else self._of_text(session, taken) for taken in input_ids]
        return np.array(logits, dtype=np.float64)

    def _of_text(self, session: onnxruntime.InferenceSession, taken: Taken) -> np.ndarray:
        """Return the logits of a text, (labels,): the mean over its windows. Raises: as `_score`."""
        windows = taken if isinstance(taken, np.ndarray) and taken.ndim == 2 else [taken]
        return np.mean([self._of_window(session, window) for window in windows], axis=0, dtype=np.float64)

    def _of_window(self, session: onnxruntime.InferenceSession, taken: Taken) -> np.ndarray:
        """Return the logits of a window, (labels,). Raises: as `_score`."""
        inputs = feed(taken)
        try:
            outputs = session.run(["logits"], inputs)
        except Exception as error:  # such as a token that the model lacks
            size = next(iter(inputs.values())).size
            raise StrataError(
                f"{self.path}: fails on a text of {size:,} tokens ({_reason(error)}); take model and tokenizer from "
                "one run"
            ) from None
        return outputs[0][0]


def _types(values: list) -> dict[str, tuple[str, int]]:
    """Return type and rank of a session's inputs or outputs, by name."""
    return {value.name: (value.type, len(value.shape)) for value in values}


def _listed(types: dict[str, tuple[str, int]]) -> str:
    return ", ".join(f"{name} ({kind}, rank {rank})" for name, (kind, rank) in sorted(types.items())) or "nothing"


def check_runtime(path: Path, least: object) -> None:
    """Raise StrataError when this ONNX Runtime is older than the one that the model needs. least: such as "1.24"."""
    installed = onnxruntime.__version__
    if isinstance(least, str) and _version(installed) < _version(least):
        raise StrataError(
            f'{path}: needs ONNX Runtime {least} or later, {installed} is installed; pip install "onnxruntime>={least}"'
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _reason(error: Exception) -> str:
    """Return ONNX Runtime's first line without its prefix and the places in its source."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line)
    return line[:MOST_WORDS].rstrip() + ("..." if len(line) > MOST_WORDS else "")
