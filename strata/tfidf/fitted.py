"""TF-IDF with logistic regression as baseline keeps it, without pickle: vocabulary.json and weights.safetensors."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from strata.base.errors import StrataError
from strata.tfidf.ngrams import NAME, Features, Reader, Vocabulary, read_vocabulary

WEIGHTS = "weights.safetensors"


class Fitted(NamedTuple):
    """A linear model of features.

    coefficients: (ngrams + 1, columns) float64; the last line is of texts without a known n-gram, and gives them the
    prior. intercept: (columns,). columns: of two labels one, the log-odds of the second; else one a label.
    """

    vocabulary: Vocabulary
    coefficients: np.ndarray
    intercept: np.ndarray

    def write(self, folder: Path) -> None:
        """Write both files into a folder that is there."""
        from safetensors.numpy import save_file

        self.vocabulary.write(folder / NAME)
        tensors = {"coefficients": self.coefficients, "intercept": self.intercept}
        save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, folder / WEIGHTS)
        (folder / WEIGHTS).chmod(0o644)

    def logits(self, features: Iterable[Features]) -> np.ndarray:
        """Return (texts, labels) float64, whose softmax are the probabilities."""
        columns = [weights @ self.coefficients[indices] + self.intercept for indices, weights in features]
        return with_first_label(np.array(columns).reshape(-1, len(self.intercept)))

    def log_probabilities(self, texts: Iterable[str]) -> np.ndarray:
        """Return what scikit-learn's predict_log_proba does, and the log prior of texts without a known n-gram."""
        reader = Reader(self.vocabulary)
        logits = self.logits(reader.features(text) for text in texts)
        highest = logits.max(axis=1, keepdims=True)
        return logits - highest - np.log(np.exp(logits - highest).sum(axis=1, keepdims=True))


def with_first_label(columns: np.ndarray) -> np.ndarray:
    """Return the logits of all labels. columns: (rows, columns); where there is one, it is the second label's."""
    return np.hstack([np.zeros_like(columns), columns]) if columns.shape[1] == 1 else columns


def read_fitted(folder: Path) -> Fitted:
    """Read what `Fitted.write` wrote. Raises: StrataError when a file is missing or broken."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    vocabulary, path = read_vocabulary(folder / NAME), folder / WEIGHTS
    if not path.is_file():
        raise StrataError(f"{path}: no such file; run the stage baseline, or dvc repro")
    try:
        tensors = load_file(path)
        fitted = Fitted(vocabulary, tensors["coefficients"], tensors["intercept"])
    except (SafetensorError, KeyError) as error:
        raise StrataError(f"{path}: not TF-IDF's weights ({error}); restore it: dvc checkout --force") from None
    if fitted.coefficients.shape != (len(vocabulary.ngrams) + 1, len(fitted.intercept)):
        raise StrataError(f"{path}: not of the same run as {NAME}; restore both: dvc checkout --force")
    return fitted
