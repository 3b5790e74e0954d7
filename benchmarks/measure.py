"""Measure the time and memory of whole processes."""

import contextlib
import statistics
import sys
import time
from pathlib import Path

import psutil


def resident_bytes(process: psutil.Process) -> int:
    """Return the resident memory of a process and its descendants, in bytes."""
    total = 0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += member.memory_info().rss
    return total


def run(folder: Path, commands: tuple[str, ...]) -> dict[str, float]:
    """Run modules one after another. Return s, their total seconds, and gb, their peak memory in GB."""
    start, peak = time.perf_counter(), 0
    for command in commands:
        with psutil.Popen([sys.executable, "-m", *command.split()], cwd=folder) as process:
            while process.poll() is None:
                peak = max(peak, resident_bytes(process))
                time.sleep(0.1)
        if process.returncode:
            raise SystemExit(f"{command}: exit code {process.returncode}")
    return {"s": time.perf_counter() - start, "gb": peak / 1e9}


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure, to two decimal places."""
    return {key: round(statistics.median(run[key] for run in runs), 2) for key in runs[0]}
