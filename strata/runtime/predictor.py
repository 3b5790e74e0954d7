"""Labels of texts, by a folder that quantize wrote or that was published; needs neither torch nor transformers."""

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
        config = files.read_json(folder / "config.json")
        try:
            self.labels = [config["id2label"][str(i)] for i in range(len(config["id2label"]))]
        except (KeyError, TypeError):
            raise StrataError(f"{folder / 'config.json'}: no id2label with the names of the labels") from None
        self.threshold = config.get("threshold")
        self.positive = self.labels.index(config["positive"]) if config.get("positive") in self.labels else None
        if self.threshold is not None and (self.positive is None or not isinstance(self.threshold, int | float)):
            raise StrataError(f"{folder / 'config.json'}: threshold must be a number, of a positive label")
        if threads is not None and threads < 1:
            raise StrataError(f"threads is {threads}, must be 1 or more")
        for name in (model, "tokenizer.json"):
            if not (folder / name).is_file():
                fp32 = f", or take {FP32}" if name == QUANTIZED and (folder / FP32).is_file() else ""
                raise StrataError(f"{folder / name}: no such file; run stages.quantize, or dvc repro{fp32}")
        try:
            self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self.classifier = OnnxClassifier(folder / model, threads)
            width = self.classifier.one.get_outputs()[0].shape[-1]  # loads it, so that a broken file is told here
        except Exception as error:  # both libraries raise errors of their own
            raise StrataError(f"{folder}: cannot be loaded ({str(error).splitlines()[0]})") from None
        if width != len(self.labels):
            raise StrataError(f"{folder}: config.json has {len(self.labels)} labels, the model {width}")

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
