"""Sketches of texts, by which copies and near-copies are found without the texts themselves.

A copy has the same key: a hash of the normalised text without spaces. A near-copy has a similar set of shingles, which
are the runs of SHINGLE words; the MinHash signature estimates how similar (Broder, 1997). Signatures are rensa's.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rensa import RMinHash

from strata.duplicates.normalise import normalise

SHINGLE = 3  # words
PERMUTATIONS = 128  # values of a signature


class Sketches(NamedTuple):
    """The sketches of some texts."""

    key: np.ndarray  # (texts,) uint64, equal for copies
    signature: np.ndarray  # (texts, PERMUTATIONS) uint32
    shingles: np.ndarray  # (shingles of all texts,) uint32 hashes, in the order of the texts
    bounds: np.ndarray  # (texts + 1,) int64: the shingles of text i are shingles[bounds[i] : bounds[i + 1]]


def sketch(texts: Iterable[str]) -> Sketches:
    """Sketch texts. A text of fewer than SHINGLE words is padded to one shingle."""
    keys, padded = [], []
    for text in texts:
        words = normalise(text)
        keys.append(text_hash(words.replace(" ", "")))
        missing = SHINGLE - len(words.split(maxsplit=SHINGLE - 1))
        padded.append(words + " \0" * missing)
    words = pc.ascii_split_whitespace(pa.array(padded, pa.large_string()))
    counts = pc.list_value_length(words).to_numpy()
    coded = words.flatten().dictionary_encode()
    word_hash = pd.util.hash_array(coded.dictionary.to_numpy(zero_copy_only=False))[coded.indices.to_numpy()]
    shingles = _shingles(word_hash)
    is_inside = np.ones(len(shingles), dtype=bool)
    for i in range(1, SHINGLE):
        is_inside[np.cumsum(counts)[:-1] - i] = False  # these reach into the next text
    shingles = shingles[is_inside]
    bounds = np.concatenate([[0], np.cumsum(counts - SHINGLE + 1)])
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(shingles, bounds.astype(np.uint64), PERMUTATIONS, 0)
    signature = np.array(matrix.to_rows(), dtype=np.uint32).reshape(len(keys), PERMUTATIONS)
    return Sketches(np.array(keys, dtype=np.uint64), signature, shingles.astype(np.uint32), bounds)


def concatenate(parts: list[Sketches]) -> Sketches:
    """Return the sketches of several parts, one after the other."""
    bounds = np.concatenate([[0], *(np.diff(part.bounds) for part in parts)]).cumsum()
    return Sketches(*(np.concatenate([part[i] for part in parts]) for i in range(3)), bounds)


def first_copies(key: np.ndarray) -> np.ndarray:
    """Return for each text the position of the first one with its key, which may be its own: (texts,) int."""
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first[inverse]


def text_hash(text: str) -> int:
    """Return the 64-bit hash of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def mix(value: np.ndarray) -> np.ndarray:
    """Return 64-bit hashes of uint64 values: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def row_hash(values: np.ndarray) -> np.ndarray:
    """Return a hash of each row of a matrix: (rows,) uint64. values: (rows, columns) uint32."""
    code = np.zeros(len(values), dtype=np.uint64)
    for column in values.T:
        code = mix(code ^ column)
    return code


def _shingles(word_hash: np.ndarray) -> np.ndarray:
    """Return a 32-bit hash of each run of SHINGLE words, as uint64. word_hash: (words,) uint64."""
    n = max(0, len(word_hash) - SHINGLE + 1)
    code = np.zeros(n, dtype=np.uint64)
    for i in range(SHINGLE):
        code = mix(code ^ word_hash[i : i + n])
    return code >> np.uint64(32)
