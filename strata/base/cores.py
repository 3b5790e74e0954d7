"""The number of cores that this process may use."""

import os


def cores() -> int:
    """Return the number of cores that this process may run on: fewer than the machine has in most containers."""
    # macOS and Windows have no sched_getaffinity
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
