"""The fast mode of a stack: a text that TF-IDF is sure of is answered by it alone, and the transformer is not asked.

Viola and Jones, "Rapid object detection using a boosted cascade of simple features", 2001. It is not even tokenized.
"""

from collections.abc import Sequence
from pathlib import Path

from strata.model_kinds import TFIDF
from strata.runtime.feeds import Sure
from strata.runtime.onnx_classifier import OnnxClassifier
from strata.softmax import softmax
from strata.tfidf.ngrams import Features

FILE = "onnx/tfidf.onnx"  # in the model folder


class Cascade:
    """TF-IDF with a calibration of its own. least: the probability of a label from which it is sure.

    Raises: StrataError when the file is no such model.
    """

    def __init__(self, path: Path, least: float):
        self.classifier, self.least = OnnxClassifier(path, 1, TFIDF), least
        self.classifier.many  # noqa: B018, loaded now: the folder may be gone when the first text comes

    def answers(self, features: Sequence[Features]) -> list[Sure | None]:
        """Return the answer to each text, None where TF-IDF is not sure."""
        logits = [self.classifier.logits([one], alone=False) for one in features]
        return [Sure(row[0]) if softmax(row).max() >= self.least else None for row in logits]
