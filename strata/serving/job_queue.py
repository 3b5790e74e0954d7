"""The queue that all clients share, and the threads that empty it.

A request is a job of one unit a text. A thread takes one unit of the job that has waited longest, and puts the job at
the end of the queue: a single text waits for at most one text of each other request, however many those have. A unit
is told whether it is alone, and may have all cores.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from time import perf_counter
from typing import Any

from strata.serving.limits import Limits
from strata.serving.refused import Refused

LONGEST_WAIT = 60  # seconds, at most, that a client is told to wait
SMOOTHING = 0.05  # of the mean time of a unit: the weight of the last one


Unit = Callable[[bool], Any]
"""Takes whether no other unit runs or waits as it starts."""


class Job:
    """Units of one request. future: of the list of what the units return, in order."""

    def __init__(self, units: Sequence[Unit]):
        self.units, self.results, self.taken, self.open = units, [None] * len(units), 0, len(units)
        self.settled = False  # a thread has the last word on the future
        self.future: Future[list] = Future()

    @property
    def left(self) -> int:
        """Units that no thread has taken."""
        return len(self.units) - self.taken


class JobQueue:
    """A bounded queue and its threads. threads: units that are done at a time."""

    def __init__(self, threads: int, limits: Limits):
        self.threads, self.limits = threads, limits
        self.waiting = 0  # units that no thread has taken
        self.running = 0  # units that a thread has taken and not finished
        self.done = 0  # units, since the start
        self._seconds = 0.0  # of a unit, smoothed
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._pool = [threading.Thread(target=self._run, name=f"work-{i}", daemon=True) for i in range(threads)]
        for thread in self._pool:
            thread.start()

    @property
    def queued(self) -> int:
        """Requests that wait for a thread."""
        return len(self._jobs)

    def submit(self, units: Sequence[Unit]) -> Job:
        """Queue the units of a request. Raises: Refused (503) where the queue is full or closed."""
        job = Job(units)
        if not units:
            job.future.set_result([])
            return job
        with self._changed:
            if self._closed:
                raise Refused(503, "the server is ending; ask another one, or later", 1)
            several = len(units) > 1 and self.waiting and self.waiting + len(units) > self.limits.waiting
            if len(self._jobs) >= self.limits.queue or several:
                raise Refused(503, "the queue is full; try again later", self._wait())
            self._jobs.append(job)
            self.waiting += len(units)
            self._changed.notify(len(units))
        return job

    def cancel(self, job: Job) -> None:
        """Drop what no thread has taken of a job: nobody waits for it any more."""
        with self._changed:
            job.future.cancel()
            self._drop(job)

    def close(self) -> None:
        """End the threads once the queue is empty, and wait for them."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._pool:
            thread.join()

    def _wait(self) -> int:
        """Return after how many whole seconds the queue is about empty."""
        return max(1, min(LONGEST_WAIT, round(self.waiting * self._seconds / self.threads)))

    def _drop(self, job: Job) -> None:
        if job in self._jobs:
            self._jobs.remove(job)
            self.waiting -= job.left

    def _run(self) -> None:
        while taken := self._take():
            job, index, alone = taken
            start = perf_counter()
            try:
                result, error = job.units[index](alone), None
            except BaseException as raised:  # a thread of the pool has to live on
                result, error = None, raised
            self._finish(job, index, result, error, perf_counter() - start)

    def _take(self) -> tuple[Job, int, bool] | None:
        """Return the next unit: its job, its position, and whether it is alone. None: there will be none."""
        with self._changed:
            while not self._jobs:
                if self._closed:
                    return None
                self._changed.wait()
            job = self._jobs.popleft()
            job.taken += 1
            self.waiting -= 1
            if job.left:
                self._jobs.append(job)
            alone = not self._jobs and not self.running
            self.running += 1
            return job, job.taken - 1, alone

    def _finish(self, job: Job, index: int, result: Any, error: BaseException | None, seconds: float) -> None:
        with self._changed:
            self.done += 1
            self.running -= 1
            self._seconds += (seconds - self._seconds) * (SMOOTHING if self._seconds else 1)
            job.results[index] = result
            job.open -= 1
            if job.settled or job.future.done() or (error is None and job.open):
                return
            job.settled = True  # under the lock: two units may fail at once
            if error is not None:
                self._drop(job)
        if job.future.set_running_or_notify_cancel():
            if error is None:
                job.future.set_result(job.results)
            else:
                job.future.set_exception(error)
