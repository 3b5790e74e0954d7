"""Jobs that run in other processes, a few at a time, with their results in order."""

import itertools
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from strata.base.cores import cores

Result = TypeVar("Result")


def in_order(function: Callable[..., Result], jobs: Iterable[tuple], count: int) -> Iterator[Result]:
    """Yield function(*job) for each of `count` jobs in their order, on all cores that this process may use.

    `function` must be importable by name. At most one job more than there are cores is submitted at a time, so that
    memory does not grow with the number of jobs.
    """
    workers = min(count, cores())
    if workers <= 1:
        yield from itertools.starmap(function, jobs)
        return
    jobs = iter(jobs)
    # a fork of a process that has threads can hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        running = deque(pool.submit(function, *job) for job in itertools.islice(jobs, workers + 1))
        while running:
            yield running.popleft().result()
            running.extend(pool.submit(function, *job) for job in itertools.islice(jobs, 1))


def _end_with_parent() -> None:
    """End a worker when its parent process ends, even if that was killed; otherwise the worker would wait for ever."""

    def watch() -> None:
        multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
