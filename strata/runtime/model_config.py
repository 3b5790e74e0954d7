"""config.json of a model folder as the predictor reads it: labels, decision rule, and what is read of a long text."""

import math
from pathlib import Path
from typing import NamedTuple

from strata.base import files
from strata.base.errors import StrataError
from strata.decision import Threshold
from strata.model_kinds import KINDS, TRANSFORMER
from strata.text.windows import CHUNKS, HEAD_TAIL, Window

HIGHEST_THRESHOLD = math.nextafter(1, 2)  # one that no probability reaches


class Decision(NamedTuple):
    """labels: by id. positive: id of the positive label. threshold: of its probability, or of each label's by id.

    threshold: as in `decide`. abstain_below: as in `is_sure`.
    """

    labels: list[str]
    positive: int | None
    threshold: Threshold
    abstain_below: float | None


def read_decision(path: Path) -> Decision:
    """Read a config.json. Raises: StrataError where it is unreadable or contradicts itself.

    Nothing is guessed: a contradiction would silently change predictions.
    """
    config = files.read_json(path)
    labels = _labels(config, path)
    positive = config.get("positive")
    if positive is not None and positive not in labels:
        raise StrataError(f"{path}: positive is {positive!r}, must be one of the labels: {', '.join(labels)}")
    position = None if positive is None else labels.index(positive)
    abstain_below = _probability(config.get("abstain_below"), "abstain_below", path)
    if isinstance(config.get("threshold"), dict):
        return Decision(labels, position, _of_each_label(config["threshold"], labels, path), abstain_below)
    threshold = _probability(config.get("threshold"), "threshold", path)
    if threshold is not None and positive is None:
        raise StrataError(f"{path}: threshold is {threshold:g}, but no label is positive; name it, or set it to null")
    if threshold is not None and len(labels) != 2:
        raise StrataError(f"{path}: threshold is {threshold:g}, but it has {len(labels)} labels; set it to null")
    return Decision(labels, position, threshold, abstain_below)


def _of_each_label(thresholds: dict, labels: list[str], path: Path) -> list[float]:
    """Return the threshold of each label by its id. Raises: StrataError unless each label has one above 0."""
    if set(thresholds) != set(labels):
        raise StrataError(f"{path}: threshold must name each of the labels {', '.join(labels)} once, and no other")
    values = [_probability(thresholds[label], f"threshold of {label}", path) for label in labels]
    for label, value in zip(labels, values, strict=True):
        if not value:
            raise StrataError(f"{path}: threshold of {label} is {value}, must be above 0")
    return values


def _probability(value: object, key: str, path: Path) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StrataError(f"{path}: {key} is {value!r}, must be a number or null")
    if not 0 <= value <= HIGHEST_THRESHOLD:  # nor is NaN
        raise StrataError(f"{path}: {key} is {value:g}, must be a probability from 0 to 1, or null")
    return float(value)


def read_kind(path: Path) -> str:
    """Return the kind of model that a config.json is of, see feeds.py. Raises: StrataError on an unknown one."""
    config = files.read_json(path)
    kind = config.get("kind", TRANSFORMER) if isinstance(config, dict) else TRANSFORMER
    if kind not in KINDS:
        raise StrataError(f"{path}: kind is {kind!r}, must be one of {', '.join(KINDS)}; take the folder from one run")
    return kind


def read_cascade(path: Path) -> float | None:
    """Return the probability from which a stack's TF-IDF answers alone; None: it never does. Raises: StrataError."""
    config = files.read_json(path)
    return _probability(config.get("cascade"), "cascade", path) if isinstance(config, dict) else None


def _labels(config: object, path: Path) -> list[str]:
    """Return id2label in the order of the ids. Raises: StrataError where it does not name every label once."""
    names = config.get("id2label") if isinstance(config, dict) else None
    if not isinstance(names, dict) or not names or set(names) != {str(i) for i in range(len(names))}:
        raise StrataError(f"{path}: no id2label that names every label by its number from 0; see quantize")
    labels = [names[str(i)] for i in range(len(names))]
    for label in labels:
        if not isinstance(label, str) or not label:
            raise StrataError(f"{path}: a label is {label!r}, must be text; take the folder from one run")
        if labels.count(label) > 1:
            raise StrataError(f"{path}: two labels are {label!r}, so they cannot be told apart")
    ids = config.get("label2id")
    if ids is not None and ids != {label: i for i, label in enumerate(labels)}:
        raise StrataError(f"{path}: label2id and id2label contradict each other; take the folder from one run")
    return labels


def read_window(path: Path, max_length: int) -> Window:
    """Read what is read of a long text; where config.json says nothing, it is the head. max_length: of tokenizer.json.

    Raises: StrataError where it contradicts itself or tokenizer.json.
    """
    config = files.read_json(path).get("window")
    if config is None:
        return Window(max_length)
    try:
        window = Window(**config)
        is_right = all(type(value) is int and value >= 0 for value in (window.overlap, window.max_chunks))
        is_right &= window.kind in (HEAD_TAIL, CHUNKS) and window.max_chunks >= 1
        is_right &= 2 * window.overlap <= max_length
    except TypeError:  # unknown keys, missing ones, or values of another type
        is_right = False
    if not is_right or window.max_length != max_length:
        raise StrataError(
            f"{path}: its window is {config}, which does not say how texts are cut after the {max_length} tokens of "
            "tokenizer.json; take the folder from one run"
        )
    return window
