"""What TF-IDF reads of a text: its n-grams, and the weight of each. Needs numpy alone, and computes what scikit-learn's
TfidfVectorizer does with the options that baseline gives it: lower case, sublinear term frequency, length 1.

Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from strata.base import files
from strata.base.errors import StrataError
from strata.text.scripts import WORD

NAME = "vocabulary.json"
WORDS, CHARACTERS = "words", "characters"  # what the n-grams are of

_WORD, _SPACES = re.compile(WORD), re.compile(r"\s\s+")


class Features(NamedTuple):
    """The n-grams of a text that are known. indices: (n,) int64, ascending. weights: (n,) float64, of length 1.

    A text without any has one feature all the same: the index after the last n-gram's, of weight 1.
    """

    indices: np.ndarray
    weights: np.ndarray


class Vocabulary(NamedTuple):
    """The n-grams of the training rows, and how a text is cut into them.

    reads: WORDS or CHARACTERS. lengths: of the shortest and of the longest n-gram. ngrams: by index. idf: (ngrams,)
    float64, inverse document frequencies. added: the special tokens of the recipe's annotations, in a model folder.
    """

    reads: str
    lengths: tuple[int, int]
    ngrams: Sequence[str]
    idf: np.ndarray
    added: frozenset[str] = frozenset()

    def write(self, path: Path) -> None:
        """Write vocabulary.json."""
        content = self._asdict() | {"idf": self.idf.tolist(), "added": sorted(self.added), "ngrams": list(self.ngrams)}
        with files.replace_file(path) as partial:  # without indents, which would make millions of lines
            partial.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_vocabulary(path: Path) -> Vocabulary:
    """Read what `Vocabulary.write` wrote. Raises: StrataError when it is missing or broken."""
    content = files.read_json(path)
    try:
        vocabulary = Vocabulary(
            content["reads"],
            (int(content["lengths"][0]), int(content["lengths"][1])),
            content["ngrams"],
            np.array(content["idf"], dtype=np.float64),
            frozenset(content["added"]),
        )
        broken = vocabulary.reads not in (WORDS, CHARACTERS) or len(vocabulary.ngrams) != len(vocabulary.idf)
    except (KeyError, TypeError, ValueError, IndexError):
        broken = True
    if broken:
        raise StrataError(f"{path}: not a vocabulary of TF-IDF; take the folder from one run")
    return vocabulary


def ngrams(text: str, reads: str, lengths: tuple[int, int]) -> list[str]:
    """Return the n-grams of a text, repeated ones as often as they occur. reads, lengths: as in `Vocabulary`.

    >>> ngrams("Good, good film", WORDS, (1, 2))
    ['good', 'good', 'film', 'good good', 'good film']
    >>> ngrams("Ab", CHARACTERS, (1, 3))
    ['a', 'b', 'ab']
    """
    text = text.lower()
    of_words = reads == WORDS
    units, between = (_WORD.findall(text), " ") if of_words else (_SPACES.sub(" ", text), "")
    found: list[str] = []
    for length in range(lengths[0], lengths[1] + 1):
        if length == 1:
            found += units
        elif of_words:
            shifted = [units[start:] for start in range(length)]
            found += map(between.join, zip(*shifted, strict=False))
        else:
            found += [units[start : start + length] for start in range(len(units) - length + 1)]
    return found


class Reader:
    """Cuts texts into features. vocabulary: of the training rows."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self._idf = vocabulary.idf.tolist()

    @cached_property
    def _index(self) -> dict[str, int]:
        return {ngram: i for i, ngram in enumerate(self.vocabulary.ngrams)}

    def features(self, text: str) -> Features:
        """Return the features of a text: (1 + log count) * idf of each known n-gram, divided by their norm."""
        found = ngrams(text, self.vocabulary.reads, self.vocabulary.lengths)
        counts = Counter(map(self._index.get, found))
        counts.pop(None, None)
        if not counts:
            return Features(np.array([len(self._idf)], dtype=np.int64), np.ones(1))
        indices = sorted(counts)
        weights = np.array([(1 + math.log(counts[i])) * self._idf[i] for i in indices])
        return Features(np.array(indices, dtype=np.int64), weights / np.sqrt(weights @ weights))
