"""How the C library gives memory back, where that can be set (glibc)."""

import contextlib
import ctypes

MMAP_THRESHOLD, ARENA_MAX = -3, -8  # glibc's numbers of what mallopt sets
LARGE = 128 << 10  # bytes; glibc begins with as many, and raises it with each large block
ARENAS = 2  # of which threads take their memory; eight a core by default


def give_back_large_blocks() -> None:
    """Have bodies of megabytes returned to the system when they are freed, instead of lying about in each thread."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(MMAP_THRESHOLD, LARGE)
        library.mallopt(ARENA_MAX, ARENAS)
