"""What a model says of the rows of a block, as columns beside the source's."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from strata.decision import decide, is_sure
from strata.runtime.predictor import Predictor
from strata.runtime.preparation import Preparation
from strata.runtime.text_tokens import MOST_CHARACTERS

SOURCE, ADDED = "=", "+"
"""What the names of a labelled block's columns begin with: the source's, and those that are added."""
LABEL, PROBABILITY = "label", "probability"
LIKELIEST = ("likeliest", "second_likeliest")


class Prepared(NamedTuple):
    """A block's texts as the model reads them. has_text: (rows,) bool. ids: token ids of each row that has a text."""

    has_text: np.ndarray
    ids: list[list[int]]


class Labeller:
    """Labels blocks of rows. every: whether a column is added for each label."""

    def __init__(self, predictor: Predictor, preparation: Preparation, every: bool):
        self.predictor, self.preparation, self.every = predictor, preparation, every

    def prepared(self, block: pa.Table) -> Prepared:
        """Return a block's texts, prepared as the model's recipe says."""
        missing = [None] * len(block)
        named = {name: block[name].to_pylist() for name in self.preparation.columns if name in block.column_names}
        # a longer text is cut at the same place as by the predictor
        columns = {
            name: [value and value[:MOST_CHARACTERS] for value in named.get(name, missing)]
            for name in self.preparation.columns
        }
        plain = self.preparation.plain(columns)
        has_text = np.array([bool(text.strip()) for text in plain], dtype=bool)
        texts = self.preparation.annotated(plain, columns, self.predictor.tokens.added)
        kept = [text for text, is_kept in zip(texts, has_text, strict=True) if is_kept]
        return Prepared(has_text, self.predictor.tokens.ids(kept) if kept else [])

    def labelled(self, block: pa.Table, has_text: np.ndarray, probabilities: np.ndarray) -> pa.Table:
        """Return a block's columns and what is said of its rows. probabilities: (rows with a text, labels)."""
        rows = np.full((len(block), probabilities.shape[1]), np.nan)
        rows[has_text] = probabilities
        answers = _spread(self._answers(probabilities), has_text)
        if self.every:
            named = zip(self.predictor.labels, rows.T, strict=True)
            answers |= {f"{PROBABILITY}_of_{label}": _numbers(column) for label, column in named}
        names = [*(SOURCE + name for name in block.column_names), *(ADDED + name for name in answers)]
        return pa.table([*block.columns, *answers.values()], names=names)

    def _answers(self, probabilities: np.ndarray) -> dict[str, pa.Array]:
        """Return `label` and `probability`, and of a model that may abstain LIKELIEST: see `Predictor.answers`."""
        predictor = self.predictor
        labels = np.array(predictor.labels, dtype=object)
        predicted = decide(probabilities, predictor.positive, predictor.threshold)
        sure = is_sure(probabilities, predicted, predictor.abstain_below)
        likeliest = np.argsort(-probabilities, axis=1, kind="stable")
        told = np.where(sure, predicted, likeliest[:, 0])
        answers = {
            LABEL: pa.array(np.where(sure, labels[predicted], None), pa.string()),
            PROBABILITY: pa.array(probabilities[np.arange(len(told)), told], pa.float64()),
        }
        if predictor.abstain_below is not None:
            for name, ids in zip(LIKELIEST, likeliest.T, strict=False):
                answers[name] = pa.array(np.where(sure, None, labels[ids]), pa.string())
        return answers


def _spread(answers: dict[str, pa.Array], has_text: np.ndarray) -> dict[str, pa.Array]:
    """Return columns with a null in each row that has no text."""
    if has_text.all():
        return answers
    positions = pa.array(np.cumsum(has_text) - 1, mask=~has_text)
    return {name: column.take(positions) for name, column in answers.items()}


def _numbers(column: np.ndarray) -> pa.Array:
    return pa.array(column, pa.float64(), from_pandas=True)  # NaN is null
