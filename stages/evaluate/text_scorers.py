"""Models as they score texts, for behaviour and the lists of failures: TF-IDF, and a stack of it and a transformer."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from strata.tfidf.fitted import Fitted
from strata.tfidf.ngrams import Reader

MOST = 5  # n-grams of an error

Words = list[list[tuple[str, float]]]
"""Of each text, what contributed most to a wrong prediction, as `influential_words` returns it."""


class TextScorer(Protocol):
    """What a kind of model answers about texts. The transformer's is in scorer.py."""

    def of_texts(self, texts: list[str]) -> np.ndarray:
        """Return the logits, (rows, labels) float64."""

    def truncated(self, texts: list[str]) -> np.ndarray:
        """Return of which texts the model does not read the end: (rows,) bool."""

    def words(self, texts: list[str], predicted: np.ndarray, truth: np.ndarray) -> Words:
        """Return what speaks for wrong predictions. predicted, truth: (rows,) int, label ids."""


class TfidfScorer:
    """baseline's TF-IDF. It reads the whole of each text."""

    def __init__(self, fitted: Fitted):
        self.fitted = fitted

    def of_texts(self, texts: list[str]) -> np.ndarray:
        """Return the log probabilities, (rows, labels) float64."""
        return self.fitted.log_probabilities(texts)

    def truncated(self, texts: list[str]) -> np.ndarray:
        """Return which texts are cut: none, (rows,) bool."""
        return np.zeros(len(texts), dtype=bool)

    def words(self, texts: list[str], predicted: np.ndarray, truth: np.ndarray) -> Words:
        """Return the n-grams that added most to the logit of the predicted label minus that of the true one."""
        reader, (_, coefficients, _) = Reader(self.fitted.vocabulary), self.fitted
        return [
            self._strongest(*reader.features(text), coefficients, *pair)
            for text, pair in zip(texts, zip(predicted.tolist(), truth.tolist(), strict=True), strict=True)
        ]

    def _strongest(
        self, indices: np.ndarray, weights: np.ndarray, coefficients: np.ndarray, predicted: int, truth: int
    ) -> list[tuple[str, float]]:
        ngrams = self.fitted.vocabulary.ngrams
        if indices[0] == len(ngrams):
            return []
        one_column = coefficients.shape[1] == 1  # of the second label
        gap = coefficients[indices, 0] * (predicted - truth) if one_column else np.empty(0)
        if not one_column:
            gap = coefficients[indices, predicted] - coefficients[indices, truth]
        order = np.argsort(-np.abs(gap * weights), kind="stable")[:MOST]
        return [(ngrams[indices[i]], float(gap[i] * weights[i])) for i in order]


class StackScorer:
    """A stack. of_texts: of texts, its logits, (rows, labels). transformer: its part, whose words stand for all."""

    def __init__(self, of_texts: Callable[[list[str]], np.ndarray], transformer: TextScorer):
        self.of_texts = of_texts
        self.truncated, self.words = transformer.truncated, transformer.words
