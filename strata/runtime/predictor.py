"""Labels of texts, by a model folder; needs numpy, onnxruntime and tokenizers, and nothing else."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from strata.base import files
from strata.base.as_text import as_text
from strata.base.errors import StrataError, did_you_mean
from strata.decision import decide, is_sure
from strata.model_kinds import STACK, TFIDF, TRANSFORMER
from strata.runtime import manifest
from strata.runtime.cascade import FILE as CASCADE
from strata.runtime.cascade import Cascade
from strata.runtime.model_config import read_cascade, read_decision, read_kind
from strata.runtime.not_utf8 import NOT_UTF8, is_utf8
from strata.runtime.onnx_classifier import OnnxClassifier, check_runtime
from strata.runtime.preparation import NAME as PREPARATION
from strata.runtime.preparation import read_preparation
from strata.runtime.text_features import TextBoth, TextFeatures
from strata.runtime.text_tokens import MOST_CHARACTERS, TextTokens
from strata.text.cleaning import cleaned
from strata.tfidf.ngrams import NAME as VOCABULARY

QUANTIZED, FP32 = "onnx/model_quantized.onnx", "onnx/model.onnx"
CONFIG, TOKENIZER = "config.json", "tokenizer.json"
READ = {TRANSFORMER: (TOKENIZER,), TFIDF: (VOCABULARY,), STACK: (TOKENIZER, VOCABULARY)}
"""What a predictor reads beside the configuration and the weights, by the kind of model."""
INSIDE = ("models/quantize", "quantize")  # of a project, and of its models: the model folder
NO_TEXT = {"label": None, "probability": None}
"""The answer to a text in which nothing is left once it is cleaned."""
BLOCK = 4096  # texts that are tokenized at a time, so that their tokens do not fill the memory


class Predictor:
    """A classifier on this machine's CPU.

    folder: what quantize wrote. model: the file in it; None: the one that serves, see `serving_file`. threads: texts
    that are scored at a time, at most one per core; None: one per core.
    Raises: StrataError when the folder lacks a file, or holds one that is broken or not in its manifest.
    """

    def __init__(self, folder: str | os.PathLike, model: str | None = None, threads: int | None = None):
        folder = Path(folder)
        if threads is not None and threads < 1:
            raise StrataError(f"threads is {threads}, must be 1 or more")
        model = check_files(folder, model)
        kind, optional = read_kind(folder / CONFIG), [PREPARATION] if (folder / PREPARATION).is_file() else []
        cascade = cascade_file(folder, model)
        listed = manifest.check(folder, (CONFIG, *READ[kind], model, *optional, *cascade))
        check_runtime(folder / model, listed.get("onnxruntime"))
        self.labels, self.positive, self.threshold, self.abstain_below = read_decision(folder / CONFIG)
        self.preparation = read_preparation(folder)
        self.tokens = _taking(folder, kind, bool(cascade))
        self.classifier = OnnxClassifier(folder / model, threads, kind)
        if self.classifier.labels != len(self.labels):
            raise StrataError(
                f"{folder}: config.json has {len(self.labels)} labels, the model {self.classifier.labels}; take both "
                "from one run"
            )
        known = files.read_json(folder / CONFIG).get("vocab_size")
        if kind != TFIDF and isinstance(known, int) and self.tokens.size > known:
            raise StrataError(
                f"{folder / TOKENIZER}: has {self.tokens.size:,} tokens, the model {known:,}; take both from one run"
            )

    def probabilities(self, texts: Iterable[str | Mapping[str, Any]]) -> np.ndarray:
        """Return (texts, labels) float64, in the order of `labels`. texts: strings, or rows as in `prepared`.

        A text's row does not depend on the other texts. Raises: as `prepared`, and StrataError if the model fails.
        """
        return self.probabilities_of(self.prepared(texts))

    def probabilities_of(self, texts: list[str]) -> np.ndarray:
        """Return the same for texts that are prepared. Raises: StrataError if the model fails."""
        if not texts:
            return np.empty((0, len(self.labels)))
        blocks = (texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK))
        return np.concatenate([self.classifier.probabilities(self.tokens.ids(block)) for block in blocks])

    def prepared(self, texts: Iterable[str | Mapping[str, Any]]) -> list[str]:
        """Return each text as the model reads it: cleaned and, of a row, joined and annotated, as the recipe says.

        texts: strings, or rows of the source as {column: value}; a string is the text alone, without annotations.
        Where nothing is left of a text, it is "", with annotations or not.
        Raises: TypeError if `texts` is no list of these; StrataError if a row lacks a column of texts, or a text
        contains a lone surrogate (an undecodable byte).
        """
        return [self._prepared(text, position) for position, text in enumerate(_listed(texts), 1)]

    def _prepared(self, text: str | Mapping[str, Any], position: int) -> str:
        if isinstance(text, Mapping):
            if missing := [name for name in self.preparation.text if name not in text]:
                raise StrataError(f"row {position} has no {missing[0]!r}{did_you_mean(missing[0], list(text))}")
            row = {name: [(as_text(text.get(name)) or "")[:MOST_CHARACTERS]] for name in self.preparation.columns}
            (plain,) = self.preparation.plain(row)
            (prepared,) = self.preparation.annotated([plain], row, self.tokens.added)
        elif isinstance(text, str):
            (prepared,) = cleaned([text[:MOST_CHARACTERS]], self.preparation.clean)
            plain = prepared
        else:
            raise TypeError(f"texts must be strings; number {position} is {type(text).__name__}")
        if not is_utf8(prepared):
            raise StrataError(f"text {position} is {NOT_UTF8}")
        return prepared if plain.strip() else ""

    def __call__(self, texts: Iterable[str | Mapping[str, Any]]) -> list[dict]:
        """Return the answer to each text: see `answers`; NO_TEXT where there is none. texts, errors: as `prepared`."""
        prepared = self.prepared(texts)
        given = iter(self.answers(self.probabilities_of([text for text in prepared if text])))
        return [next(given) if text else dict(NO_TEXT) for text in prepared]

    def answers(self, probabilities: np.ndarray) -> list[dict]:
        """Return each row's `label` and its `probability`. probabilities: (rows, labels).

        With a threshold, the label is the one that it decides on. A model that may abstain gives the label None where
        it is not sure, the largest probability, and `likeliest`: the two likeliest labels with their probabilities.
        """
        predicted = decide(probabilities, self.positive, self.threshold)
        sure = is_sure(probabilities, predicted, self.abstain_below)
        return [
            {"label": self.labels[i], "probability": float(row[i])} if certain else self._not_sure(row)
            for i, row, certain in zip(predicted, probabilities, sure, strict=True)
        ]

    def _not_sure(self, row: np.ndarray) -> dict:
        two = [{"label": self.labels[i], "probability": float(row[i])} for i in np.argsort(-row, kind="stable")[:2]]
        return {"label": None, "probability": two[0]["probability"], "likeliest": two}


def _listed(texts: object) -> list:
    """Return what a collection holds. Raises: TypeError on what only looks like one of texts.

    A table and a mapping give their names and not their texts, a string its characters.
    """
    is_flat = isinstance(texts, Iterable) and getattr(texts, "ndim", 1) == 1
    if not is_flat or isinstance(texts, str | bytes | Mapping):
        advice = "; wrap a single text as [text], and of a table take one column"
        raise TypeError(f"texts must be a list of strings, not {type(texts).__name__}{advice}")
    return list(texts)


def serving_file(folder: Path) -> str:
    """Return the file of a model folder that serves, unless another is asked for: int8, or TF-IDF's only one."""
    return FP32 if read_kind(folder / CONFIG) == TFIDF else QUANTIZED


def cascade_file(folder: Path, model: str) -> list[str]:
    """Return the file that the cascade of a stack reads, if it has one. model: the file with the weights, int8's."""
    return [CASCADE] if model == QUANTIZED and read_cascade(folder / CONFIG) is not None else []


def _taking(folder: Path, kind: str, with_cascade: bool) -> TextTokens | TextFeatures | TextBoth:
    """Return what takes of texts what a kind of model needs."""
    features = None if kind == TRANSFORMER else TextFeatures(folder / VOCABULARY)
    if kind == TFIDF:
        return features
    tokens = TextTokens(folder / TOKENIZER, folder / CONFIG)
    if not features:
        return tokens
    cascade = Cascade(folder / CASCADE, read_cascade(folder / CONFIG)) if with_cascade else None
    return TextBoth(tokens, features, cascade)


def check_files(folder: Path, model: str | None) -> str:
    """Return the file with the weights; model: that is asked for, None for `serving_file`.

    Raises: StrataError when this is no model folder, or it lacks a file that the predictor reads.
    """
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
    kind = read_kind(folder / CONFIG)
    model = model or serving_file(folder)
    if model not in (QUANTIZED, FP32) and not (folder / model).is_file():
        models = sorted(path.relative_to(folder).as_posix() for path in folder.glob("onnx/*.onnx"))
        raise StrataError(f"{folder / model}: no such file{did_you_mean(model, models)}")
    for name in (model, *READ[kind]):
        if not (folder / name).is_file():
            fp32 = f", or take {FP32}" if name == QUANTIZED and (folder / FP32).is_file() else ""
            raise StrataError(f"{folder / name}: no such file; run stages.quantize, or dvc repro{fp32}")
    return model
