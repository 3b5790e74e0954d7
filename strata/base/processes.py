"""Work cut into jobs, done a few at a time in processes of their own."""

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
    """Yield function(*job) of each of `count` jobs, in their order, on as many cores as there are.

    `function` must be importable by name. Few jobs wait for their turn, so that memory does not grow with their number.
    """
    workers = min(count, cores())
    if workers <= 1:
        yield from itertools.starmap(function, jobs)
        return
    jobs = iter(jobs)
    # a forked copy of a process with threads can hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        running = deque(pool.submit(function, *job) for job in itertools.islice(jobs, workers + 1))
        while running:
            yield running.popleft().result()
            running.extend(pool.submit(function, *job) for job in itertools.islice(jobs, 1))


def _end_with_parent() -> None:
    """Let a worker end when the process that started it is gone, killed even; else it would wait for ever."""

    def watch() -> None:
        multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
