"""Labels of texts, by a model folder; needs numpy, onnxruntime and tokenizers, and nothing else."""

import os
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from strata.base import files
from strata.base.errors import StrataError
from strata.decision import decide
from strata.runtime.onnx_classifier import OnnxClassifier

QUANTIZED, FP32 = "onnx/model_quantized.onnx", "onnx/model.onnx"


class Predictor:
    """A classifier on this machine's CPU.

    folder: what quantize wrote. model: the file in it. threads: texts that are scored at a time; None: one a core.
    Raises: StrataError when the folder lacks a file or holds a broken one.
    """

    def __init__(self, folder: str | os.PathLike, model: str = QUANTIZED, threads: int | None = None):
        folder = Path(folder)
        if threads is not None and threads < 1:
            raise StrataError(f"threads is {threads}, must be 1 or more")
        if not (folder / "config.json").is_file():
            raise StrataError(
                f"{folder / 'config.json'}: no such file; name a model folder, such as models/quantize after dvc repro"
            )
        self.labels, self.positive, self.threshold = _decision(folder / "config.json")
        for name in (model, "tokenizer.json"):
            if not (folder / name).is_file():
                fp32 = f", or take {FP32}" if name == QUANTIZED and (folder / FP32).is_file() else ""
                raise StrataError(f"{folder / name}: no such file; run stages.quantize, or dvc repro{fp32}")
        try:
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self.classifier = OnnxClassifier(folder / model, threads)
            width = self.classifier.one.get_outputs()[0].shape[-1]  # loads it, so that a broken file is told here
        except Exception as error:  # both libraries raise errors of their own
            raise StrataError(f"{folder}: cannot be loaded ({str(error).splitlines()[0]}); dvc checkout") from None
        if width != len(self.labels):
            raise StrataError(
                f"{folder}: config.json has {len(self.labels)} labels, the model {width}; take both from one run"
            )

    def probabilities(self, texts: list[str]) -> np.ndarray:
        """Return (texts, labels) float64, in the order of `labels`.

        A text's row does not depend on the other texts. Raises: TypeError where a text is no string; StrataError where
        one holds what no UTF-8 says.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings")
        texts = list(texts)
        for position, text in enumerate(texts, 1):
            if not isinstance(text, str):
                raise TypeError(f"texts must be strings; number {position} is {type(text).__name__}")
            if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
                raise StrataError(f"text {position} is not UTF-8; convert it: iconv -f latin1 -t utf8")
        if not texts:
            return np.empty((0, len(self.labels)))
        encoded = self.tokenizer.encode_batch_fast(texts)
        return self.classifier.probabilities([encoding.ids for encoding in encoded])

    def __call__(self, texts: list[str]) -> list[dict]:
        """Return the label of each text and its probability; with a threshold, the label that it decides on."""
        probabilities = self.probabilities(texts)
        predicted = decide(probabilities, self.positive, self.threshold)
        return [
            {"label": self.labels[i], "probability": float(row[i])}
            for i, row in zip(predicted, probabilities, strict=True)
        ]


def _decision(path: Path) -> tuple[list[str], int | None, float | None]:
    """Return the labels of a config.json, the positive one's id and the threshold of its probability.

    Raises: StrataError where they contradict each other, since another label would be told without a word.
    """
    config = files.read_json(path)
    try:
        labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
    except (KeyError, TypeError):
        raise StrataError(f"{path}: no id2label that names every label by its number from 0; see quantize") from None
    positive, threshold = config.get("positive"), config.get("threshold")
    if positive is not None and positive not in labels:
        raise StrataError(f"{path}: positive is {positive!r}, must be one of the labels: {', '.join(map(str, labels))}")
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
        raise StrataError(f"{path}: threshold is {threshold!r}, must be a number or null")
    if threshold is not None and positive is None:
        raise StrataError(f"{path}: threshold is {threshold:g}, but no label is positive; name it, or set it to null")
    return labels, None if positive is None else labels.index(positive), threshold
