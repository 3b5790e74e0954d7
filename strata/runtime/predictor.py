"""Labels of texts, by a model folder; needs numpy, onnxruntime and tokenizers, and nothing else."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from strata.base import files
from strata.base.errors import StrataError, did_you_mean
from strata.decision import decide
from strata.runtime import manifest
from strata.runtime.model_config import read_decision
from strata.runtime.not_utf8 import NOT_UTF8, is_utf8
from strata.runtime.onnx_classifier import OnnxClassifier, check_runtime
from strata.runtime.text_tokens import TextTokens

QUANTIZED, FP32 = "onnx/model_quantized.onnx", "onnx/model.onnx"
CONFIG, TOKENIZER = "config.json", "tokenizer.json"
INSIDE = ("models/quantize", "quantize")  # of a project, and of its models: the model folder
BLOCK = 4096  # texts that are tokenized at a time, so that their tokens do not fill the memory


class Predictor:
    """A classifier on this machine's CPU.

    folder: what quantize wrote. model: the file in it. threads: texts that are scored at a time, at most one per core;
    None: one per core.
    Raises: StrataError when the folder lacks a file, or holds one that is broken or not in its manifest.
    """

    def __init__(self, folder: str | os.PathLike, model: str = QUANTIZED, threads: int | None = None):
        folder = Path(folder)
        if threads is not None and threads < 1:
            raise StrataError(f"threads is {threads}, must be 1 or more")
        check_files(folder, model)
        listed = manifest.check(folder, (CONFIG, TOKENIZER, model))
        check_runtime(folder / model, listed.get("onnxruntime"))
        self.labels, self.positive, self.threshold = read_decision(folder / CONFIG)
        self.tokens = TextTokens(folder / TOKENIZER)
        self.classifier = OnnxClassifier(folder / model, threads)
        if self.classifier.labels != len(self.labels):
            raise StrataError(
                f"{folder}: config.json has {len(self.labels)} labels, the model {self.classifier.labels}; take both "
                "from one run"
            )
        known = files.read_json(folder / CONFIG).get("vocab_size")
        if isinstance(known, int) and self.tokens.size > known:
            raise StrataError(
                f"{folder / TOKENIZER}: has {self.tokens.size:,} tokens, the model {known:,}; take both from one run"
            )

    def probabilities(self, texts: Iterable[str]) -> np.ndarray:
        """Return (texts, labels) float64, in the order of `labels`.

        A text's row does not depend on the other texts. Raises: TypeError if `texts` is no list of strings, or the
        like; StrataError if a text contains a lone surrogate (an undecodable byte), or the model fails.
        """
        texts = _listed(texts)
        for position, text in enumerate(texts, 1):
            if not isinstance(text, str):
                raise TypeError(f"texts must be strings; number {position} is {type(text).__name__}")
            if not is_utf8(text):
                raise StrataError(f"text {position} is {NOT_UTF8}")
        if not texts:
            return np.empty((0, len(self.labels)))
        blocks = (texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK))
        return np.concatenate([self.classifier.probabilities(self.tokens.ids(block)) for block in blocks])

    def __call__(self, texts: Iterable[str]) -> list[dict]:
        """Return the label of each text and its probability; with a threshold, the label that it decides on."""
        probabilities = self.probabilities(texts)
        predicted = decide(probabilities, self.positive, self.threshold)
        return [
            {"label": self.labels[i], "probability": float(row[i])}
            for i, row in zip(predicted, probabilities, strict=True)
        ]


def _listed(texts: object) -> list:
    """Return what a collection holds. Raises: TypeError on what only looks like one of texts.

    A table and a mapping give their names and not their texts, a string its characters.
    """
    is_flat = isinstance(texts, Iterable) and getattr(texts, "ndim", 1) == 1
    if not is_flat or isinstance(texts, str | bytes | Mapping):
        advice = "; wrap a single text as [text], and of a table take one column"
        raise TypeError(f"texts must be a list of strings, not {type(texts).__name__}{advice}")
    return list(texts)


def check_files(folder: Path, model: str) -> None:
    """Raise StrataError when this is no model folder, or it lacks a file that the predictor reads."""
    if not os.path.isdir(folder):  # noqa: PTH112, Path raises on a text that cannot be a path
        found = "is a file, not a folder" if os.path.exists(folder) else "no such folder"  # noqa: PTH110
        raise StrataError(
            f"{str(folder)[:100]}: {found}; first comes a model folder, such as models/quantize after dvc repro"
        )
    if not is_utf8(str(folder)):
        raise StrataError(
            f"{folder}: its name is not UTF-8, which ONNX Runtime needs; rename it, or set LC_ALL=C.UTF-8"
        )
    if not (folder / CONFIG).is_file():
        inside = next((path for path in map(folder.joinpath, INSIDE) if (path / CONFIG).is_file()), None)
        advice = f"did you mean {inside}?" if inside else "name a model folder, such as models/quantize after dvc repro"
        raise StrataError(f"{folder / CONFIG}: no such file; {advice}")
    if model not in (QUANTIZED, FP32) and not (folder / model).is_file():
        models = sorted(path.relative_to(folder).as_posix() for path in folder.glob("onnx/*.onnx"))
        raise StrataError(f"{folder / model}: no such file{did_you_mean(model, models)}")
    for name in (model, TOKENIZER):
        if not (folder / name).is_file():
            fp32 = f", or take {FP32}" if name == QUANTIZED and (folder / FP32).is_file() else ""
            raise StrataError(f"{folder / name}: no such file; run stages.quantize, or dvc repro{fp32}")
