"""Near-copies among many texts: MinHash with banding, and an exact check of each candidate pair.

Two texts are near-copies when the Jaccard similarity of their shingle sets is at least a threshold. To find them, each
signature is cut into bands of a few values. Texts with an equal band form a bucket, and only those are compared:

1. each with the first text of its bucket;
2. those unlike the first text also with their neighbours in the bucket, as `_neighbour_codes` says.

A pair (earlier, later) of positions is coded as one integer, earlier * n + later, so that pairs are sorted and compared
fast.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from strata.duplicates.sketches import PERMUTATIONS, Sketches, first_copies, mix, row_hash

NEIGHBOURS = 32  # of a text in its bucket, see `_neighbour_codes`
RECALL = 0.995  # probability that two texts exactly at the threshold have a band in common


class Band(NamedTuple):
    """The texts that have this band in common with another text, bucket by bucket; each bucket in order of position."""

    text: np.ndarray  # (texts,) int
    first: np.ndarray  # (texts,) int, the first text of its bucket
    rank: np.ndarray  # (texts,) int, its place in the bucket, from 0


def near_copies(sketches: Sketches, threshold: float) -> np.ndarray:
    """Return pairs of near-copies that connect all of them, directly or through others: (pairs, 2) int, earlier first.

    Copies with the same words are represented by the first one. Pairs of copies are left out. Texts that are added at
    the end do not change the pairs among earlier ones.
    """
    # a copy with other word boundaries has other shingles, and so near-copies of its own
    representative = first_copies(mix(sketches.key ^ row_hash(sketches.signature)))
    distinct = np.flatnonzero(representative == np.arange(len(representative)))
    signature, n = sketches.signature[distinct], len(representative)
    width = band_width(threshold)

    def are_near(codes: np.ndarray) -> np.ndarray:
        return codes[_are_similar(sketches, distinct[_decoded(codes, n)], threshold)]

    with_first = _distinct_codes(_first_codes(band, n) for band in _bands(signature, width))
    near = are_near(with_first)
    others = _distinct_codes(_neighbour_codes(band, near, n) for band in _bands(signature, width))
    near = np.concatenate([near, are_near(np.setdiff1d(others, with_first, assume_unique=True))])
    pairs = distinct[_decoded(near, n)]
    return pairs[sketches.key[pairs[:, 0]] != sketches.key[pairs[:, 1]]]


def band_width(threshold: float) -> int:
    """Return the largest number of values in a band with which a pair at the threshold has a band in common at RECALL.

    A band of r values is equal with probability threshold**r.
    """
    return max(r for r in range(1, PERMUTATIONS) if 1 - (1 - threshold**r) ** (PERMUTATIONS // r) >= RECALL)


def _bands(signature: np.ndarray, width: int) -> Iterator[Band]:
    """Yield each band of the signatures. signature: (texts, PERMUTATIONS) uint32."""
    for start in range(0, PERMUTATIONS - width + 1, width):
        band = row_hash(signature[:, start : start + width])
        order = np.argsort(band, kind="stable")  # the texts of a bucket stay in their order
        begins = np.flatnonzero(np.diff(band[order], prepend=~band[order[:1]]) != 0)
        sizes = np.diff(begins, append=len(order))
        begins, sizes = begins[sizes > 1], sizes[sizes > 1]
        begin = np.repeat(begins, sizes)
        rank = np.arange(len(begin)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield Band(order[begin + rank], order[begin], rank)


def _first_codes(band: Band, n: int) -> np.ndarray:
    """Return the pair of each text with the first one of its bucket."""
    return (band.first * n + band.text)[band.rank > 0]


def _neighbour_codes(band: Band, near: np.ndarray, n: int) -> np.ndarray:
    """Return the pairs of each text with the NEIGHBOURS before it in its bucket and with the NEIGHBOURS at its start.

    Pairs of near-copies of the bucket's first text are left out, since they are connected through it. Comparing all
    pairs would be quadratic where thousands of texts share a band and are no near-copies, such as letters from one
    template. near: ascending codes of the near-copies among the pairs with a first text.
    """
    is_like_first = (band.rank == 0) | _contains(near, band.first * n + band.text)
    is_open = np.isin(band.first, band.first[~is_like_first])  # in a bucket that is not all near-copies of its first
    text, first, rank = (values[is_open] for values in band)
    is_like_first = is_like_first[is_open]
    positions, codes = np.arange(len(text)), [np.array([], dtype=np.int64)]

    def pairs(earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        is_new = (first[earlier] == first[later]) & ~(is_like_first[earlier] & is_like_first[later])
        return (text[earlier] * n + text[later])[is_new]

    for distance in range(1, NEIGHBOURS + 1):
        codes.append(pairs(positions[:-distance], positions[distance:]))
    for start in range(1, NEIGHBOURS):
        later = positions[rank > start + NEIGHBOURS]
        codes.append(pairs(later - rank[later] + start, later))
    return np.concatenate(codes)


def _distinct_codes(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the codes of all parts once, in ascending order."""
    return np.unique(np.concatenate([np.array([], dtype=np.int64), *parts]))


def _decoded(codes: np.ndarray, n: int) -> np.ndarray:
    """Return coded pairs: (pairs, 2) int."""
    return np.stack(np.divmod(codes, n), axis=1)


def _contains(codes: np.ndarray, sought: np.ndarray) -> np.ndarray:
    """Return which of `sought` are among the ascending `codes`: (sought,) bool."""
    if not len(codes):
        return np.zeros(len(sought), dtype=bool)
    return codes[np.minimum(np.searchsorted(codes, sought), len(codes) - 1)] == sought


def _are_similar(sketches: Sketches, pairs: np.ndarray, threshold: float) -> np.ndarray:
    """Return which pairs of texts have a Jaccard similarity of at least the threshold: (pairs,) bool.

    pairs: (pairs, 2) int; those with the same earlier text stand together, so that its set is built once.
    """
    are_similar = np.zeros(len(pairs), dtype=bool)
    previous, shingles = -1, set()
    for i, (earlier, later) in enumerate(pairs.tolist()):
        if earlier != previous:
            previous, shingles = earlier, _shingle_set(sketches, earlier)
        others = _shingle_set(sketches, later)
        shared = len(shingles & others)
        are_similar[i] = shared >= threshold * (len(shingles) + len(others) - shared)
    return are_similar


def _shingle_set(sketches: Sketches, text: int) -> set[int]:
    return set(sketches.shingles[sketches.bounds[text] : sketches.bounds[text + 1]].tolist())
