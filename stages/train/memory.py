"""What is said when memory runs out, and how much of it was used."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from strata.base.errors import StrataError

REMEDY = "lower train.batch_size and raise train.gradient_accumulation as much, or lower tokenize.max_length"
SCORING_REMEDY = "lower tokenize.max_length, or choose a smaller model"
REFUSALS = ("can't allocate memory", "not enough memory", "out of memory")  # in PyTorch's words, on a CPU and on a GPU


@contextmanager
def explained(where: str, rows: int, tokens: int, remedy: str = REMEDY) -> Iterator[None]:
    """Say which batch was too large, where a computation inside runs out of memory.

    where: such as "in step 7". tokens: of the longest row.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in REFUSALS):
            raise
        raise StrataError(
            f"memory ran out {where}, at a batch of {rows:,} rows of up to {tokens:,} tokens; {remedy}"
        ) from None


def peak() -> float:
    """Return the most memory that training has held, in GB: of the GPU if there is one, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / (1e9 if sys.platform == "darwin" else 1e6)  # bytes there, kB on Linux
