"""How much memory training used, and the error when it runs out."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from strata.base.errors import StrataError

OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")  # PyTorch's errors, on a CPU or a GPU


@contextmanager
def explained(where: str, rows: int, tokens: int, remedy: str) -> Iterator[None]:
    """Replace an out-of-memory error in the block by one that names the batch and a remedy.

    where: such as "in step 7". tokens: of the longest row.
    Raises: StrataError.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in OUT_OF_MEMORY):
            raise
        raise StrataError(
            f"memory ran out {where}, on a batch of {rows:,} rows of up to {tokens:,} tokens; {remedy}"
        ) from None


def peak() -> float:
    """Return the peak memory in GB: of the GPU if there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_rss / (1e9 if sys.platform == "darwin" else 1e6)  # bytes on macOS, kB on Linux
