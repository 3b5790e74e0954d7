"""Copies and near-copies among many texts: MinHash over word shingles, banded, and each candidate pair checked exactly.

Two texts are copies when they are equal up to case, width, spacing, HTML and punctuation. They are near-copies when the
sets of their word shingles have a Jaccard similarity of at least a threshold (Broder, 1997). MinHash signatures are
rensa's.
"""

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import regex
from rensa import RMinHash

SHINGLE = 3  # words
PERMUTATIONS = 128
NEIGHBOURS = 32  # see _pairs_within

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")


class _Letters(dict):
    """What str.translate makes of each character: itself, a word of its own in scripts without spaces, or a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kept = unicodedata.category(character)[0] in "LMN"
        self[code] = f" {character} " if _UNSPACED.match(character) else character if kept else " "
        return self[code]


# apostrophes, the soft hyphen, and what chooses between the pictures of an emoji
_LETTERS = _Letters(dict.fromkeys([ord("'"), 0x2019, 0xAD, *range(0xFE00, 0xFE10)], ""))


def fold(text: str) -> str:
    """Return the words that two copies share, parted by spaces; of a text without words, what its spaces part.

    >>> fold("Don't <b>miss</b> it!").split() == fold("dont MISS &nbsp; it").split()
    True
    """
    plain = text
    if "&" in plain:
        plain = html.unescape(plain)  # before tags are, which may be escaped
    if "<!--" in plain:
        # up to the last comment's end, since each start without one would be sought an end anew
        commented, end, rest = plain.rpartition("-->")
        plain = _COMMENT.sub(" ", commented + end) + rest
    if "<" in plain:
        plain = _TAG.sub(" ", plain)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
    words = plain.casefold().translate(_LETTERS).strip()
    return words or " ".join(text.split())


class Sketches(NamedTuple):
    """What is compared of each text."""

    key: np.ndarray  # (texts,) uint64, equal for copies
    signature: np.ndarray  # (texts, PERMUTATIONS) uint32
    shingles: np.ndarray  # (all shingles,) uint32, those of one text after the other
    bounds: np.ndarray  # (texts + 1,) int64, where the shingles of each text begin and end


def sketch(texts: Iterable[str]) -> Sketches:
    """Sketch texts. A text of fewer words than a shingle has is one shingle."""
    key, padded = [], []
    for text in texts:
        words = fold(text)
        key.append(hashed(words.replace(" ", "")))
        missing = SHINGLE - len(words.split(maxsplit=SHINGLE - 1))
        padded.append(words + " \0" * missing)
    words = pc.ascii_split_whitespace(pa.array(padded, pa.large_string()))
    counts = pc.list_value_length(words).to_numpy()
    coded = words.flatten().dictionary_encode()
    word = pd.util.hash_array(coded.dictionary.to_numpy(zero_copy_only=False))[coded.indices.to_numpy()]
    shingle = _shingles(word)
    inside = np.ones(len(shingle), dtype=bool)
    for i in range(1, SHINGLE):
        inside[np.cumsum(counts)[:-1] - i] = False  # it reaches into the next text
    shingle = shingle[inside]
    bounds = np.concatenate([[0], np.cumsum(counts - SHINGLE + 1)])
    signature = RMinHash.digest_matrix_from_flat_token_hashes(shingle, bounds.astype(np.uint64), PERMUTATIONS, 0)
    rows = np.array(signature.to_rows(), dtype=np.uint32).reshape(len(key), PERMUTATIONS)
    return Sketches(np.array(key, dtype=np.uint64), rows, shingle.astype(np.uint32), bounds)


def hashed(text: str) -> int:
    """Hash a text to 64 bits."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def _shingles(word: np.ndarray) -> np.ndarray:
    """Hash each run of SHINGLE words to 32 bits, in a uint64. word: (words,) uint64."""
    n = max(0, len(word) - SHINGLE + 1)
    shingle = np.zeros(n, dtype=np.uint64)
    for i in range(SHINGLE):
        shingle = mixed(shingle ^ word[i : i + n])
    return shingle >> np.uint64(32)


def mixed(value: np.ndarray) -> np.ndarray:
    """Spread every bit over all: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def concatenate(parts: list[Sketches]) -> Sketches:
    bounds = np.concatenate([[0], *(np.diff(part.bounds) for part in parts)]).cumsum()
    return Sketches(*(np.concatenate([part[i] for part in parts]) for i in range(3)), bounds)


def band_width(threshold: float) -> int:
    """Return how many values a band may have for a pair at the threshold to share one of the bands in 99.5%."""
    return max(r for r in range(1, PERMUTATIONS) if 1 - (1 - threshold**r) ** (PERMUTATIONS // r) >= 0.995)


def copies(key: np.ndarray) -> np.ndarray:
    """Return for each text the first one that it copies, itself where there is none before: (texts,) int."""
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return first[inverse]


def near_copies(sketches: Sketches, threshold: float) -> np.ndarray:
    """Return pairs of near-copies that tie all of them together: (pairs, 2) int, the earlier text first.

    Only texts that copy no earlier one take part, or that part its letters into other words and so have other
    near-copies. Texts that share a band are candidates; those that are near-copies of the first among them are tied
    through it, and not compared with each other. Later texts do not change the pairs among earlier ones.
    """
    n = len(sketches.key)
    first = np.flatnonzero(copies(mixed(sketches.key ^ _coded(sketches.signature))) == np.arange(n))
    signature = sketches.signature[first]
    width = band_width(threshold)

    def pair_codes(which) -> np.ndarray:
        parts = [which(*bucket) for bucket in _buckets(signature, width)]
        return np.unique(np.concatenate([np.array([], dtype=np.int64), *parts]))

    def with_first(row: np.ndarray, leader: np.ndarray, position: np.ndarray) -> np.ndarray:
        return (leader * n + row)[position > 0]

    compared = pair_codes(with_first)
    alike = compared[_alike(sketches, first, compared, n, threshold)]

    def with_others(row: np.ndarray, leader: np.ndarray, position: np.ndarray) -> np.ndarray:
        tied = (position == 0) | _contains(alike, leader * n + row)
        return _pairs_within(row, leader, position, tied, n)

    others = np.setdiff1d(pair_codes(with_others), compared, assume_unique=True)
    alike = np.concatenate([alike, others[_alike(sketches, first, others, n, threshold)]])
    pairs = first[np.stack(np.divmod(alike, n), axis=1)]
    return pairs[sketches.key[pairs[:, 0]] != sketches.key[pairs[:, 1]]]


def _coded(signature: np.ndarray) -> np.ndarray:
    """Hash the values of each row: (rows,) uint64. signature: (rows, values) uint32."""
    code = np.zeros(len(signature), dtype=np.uint64)
    for column in signature.T:
        code = mixed(code ^ column)
    return code


def _buckets(signature: np.ndarray, width: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield for each band the rows that share it with another: row, first row of its bucket, position in it."""
    for start in range(0, PERMUTATIONS - width + 1, width):
        band = _coded(signature[:, start : start + width])
        order = np.argsort(band, kind="stable")  # the rows of a bucket stay in their order
        begins = np.flatnonzero(np.diff(band[order], prepend=~band[order[:1]]) != 0)
        sizes = np.diff(begins, append=len(order))
        begins, sizes = begins[sizes > 1], sizes[sizes > 1]
        begin = np.repeat(begins, sizes)
        position = np.arange(len(begin)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield order[begin + position], order[begin], position


def _pairs_within(row: np.ndarray, leader: np.ndarray, position: np.ndarray, tied: np.ndarray, n: int) -> np.ndarray:
    """Codes of pairs in a bucket that are not both tied to its first row: each with NEIGHBOURS before it and the first.

    More than that would be quadratic where thousands of rows share a band without being near-copies, such as letters
    written from one form.
    """
    partly = np.isin(leader, leader[~tied])  # all others are tied through their first row
    row, leader, position, tied = row[partly], leader[partly], position[partly], tied[partly]
    at, found = np.arange(len(row)), [np.array([], dtype=np.int64)]
    for distance in range(1, NEIGHBOURS + 1):
        before, after = at[:-distance], at[distance:]
        same = (leader[before] == leader[after]) & ~(tied[before] & tied[after])
        found.append((row[before] * n + row[after])[same])
    for place in range(1, NEIGHBOURS):
        after = at[position > place + NEIGHBOURS]
        before = after - position[after] + place
        found.append((row[before] * n + row[after])[~(tied[before] & tied[after])])
    return np.concatenate(found)


def _contains(codes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return which of `wanted` are among the ascending `codes`."""
    if not len(codes):
        return np.zeros(len(wanted), dtype=bool)
    return codes[np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)] == wanted


def _alike(sketches: Sketches, first: np.ndarray, codes: np.ndarray, n: int, threshold: float) -> np.ndarray:
    """Return which pairs reach the threshold by the sets of their shingles. codes: ascending."""
    shingles, bounds = sketches.shingles, sketches.bounds
    alike = np.zeros(len(codes), dtype=bool)
    last, mine = -1, set()
    for i, code in enumerate(codes.tolist()):
        one, other = divmod(code, n)
        if one != last:
            last, mine = one, set(shingles[bounds[first[one]] : bounds[first[one] + 1]].tolist())
        theirs = set(shingles[bounds[first[other]] : bounds[first[other] + 1]].tolist())
        shared = len(mine & theirs)
        alike[i] = shared >= threshold * (len(mine) + len(theirs) - shared)
    return alike
