"""A sample of rows that does not depend on the other rows."""

import hashlib

import numpy as np


def sample(ids: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Return the positions of at most `size` rows, ascending, (rows,) int. ids: (rows,) int.

    Rows are chosen by a hash of seed and id, so that adding or removing other rows changes the sample little.
    """
    hashes = [hashlib.blake2b(f"{seed}:{row}".encode(), digest_size=8).digest() for row in ids.tolist()]
    return np.sort(np.array(sorted(range(len(hashes)), key=hashes.__getitem__)[:size], dtype=np.int64))
