"""Runs the trials of a sweep: rounds of them, some side by side, each in a workspace, until all have ended."""

import json
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from optuna.trial import Trial

from strata.base.cores import cores
from strata.base.errors import StrataError
from strata.settings.overrides import Overrides, described
from strata.settings.sweep import Search, Sweep
from strata.sweeping import trial as one_trial
from strata.sweeping.kept_rows import write_rows
from strata.sweeping.study import OVERRIDES, Ending, Study, ending_of, note_ending
from strata.sweeping.trial import Pruned, Report, Scored, fails_every_trial, is_full_disk, score
from strata.sweeping.workspace import Hindered, Workspace

Runner = Callable[[str, Overrides, Report], Scored]
"""Runs one trial by name and settings. Raises: StrataError, Pruned."""


class Budget:
    """The time limit of a search, over all its calls."""

    def __init__(self, study: Study):
        self.study, self.start = study, time.monotonic()
        self.at_start, self.before = study.seconds_left, study.seconds

    @property
    def left(self) -> float | None:
        """Seconds left; None without a limit."""
        return None if self.at_start is None else self.at_start - (time.monotonic() - self.start)

    def is_used_up(self) -> bool:
        left = self.left
        return left is not None and left <= 0

    def note(self) -> None:
        """Record the time so far, for a later call."""
        self.study.seconds = self.before + time.monotonic() - self.start


class Progress:
    """Prints a line for each trial that ends."""

    def __init__(self, study: Study, budget: Budget):
        self.study, self.budget, self.start, self.ended = study, budget, time.monotonic(), 0
        self.lock = threading.Lock()

    def show(self, number: int, overrides: Overrides, ending: Ending) -> None:
        """Print how a trial ended, the best of a search so far, and the time left."""
        with self.lock:
            self.ended += 1
            endings = [ending_of(trial) for trial in self.study.trials]
            count = sum(one is not None for one in endings)
            # named runs may be scored on different rows, so no best is shown before the answer
            best = self.study.best() if isinstance(self.study.sweep, Search) else None
            what = {"COMPLETE": f"{self.study.sweep.metric} {ending.score or 0:.4f}", "PRUNED": "stopped early"}
            told = what.get(ending.state, f"failed: {ending.reason}")
            so_far = "" if best is None else f"; best {ending_of(best).score:.4f}, {self.study.trial_name(best.number)}"
            of = "" if self.study.most is None else f" of {self.study.most}"
            seconds = self._seconds_left(count)
            left = f", about {_duration(seconds)} left" if seconds > 0 else ""
            name = self.study.trial_name(number)
            print(f"sweep: {name} {told} ({described(overrides)}){so_far}; {count}{of} trials{left}", flush=True)

    def _seconds_left(self, count: int) -> float:
        """Return roughly how many seconds are left. count: number of trials that have ended."""
        limits = [] if self.budget.left is None else [self.budget.left]
        if self.study.most:
            limits.append((time.monotonic() - self.start) / self.ended * (self.study.most - count))
        return min(limits)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{max(1, minutes)} min"


def run_trial(study: Study, trial: Trial, runner: Runner, rows: Path, budget: Budget) -> Ending:
    """Run a trial, keep its validation rows, and return how it ended. Each intermediate score notes the time used."""
    overrides = json.loads(trial.user_attrs[OVERRIDES])
    start = time.monotonic()

    def ending(
        state: str, value: float | None = None, reason: str | None = None, scored: Scored | None = None
    ) -> Ending:
        seconds = round(time.monotonic() - start, 1)
        if scored is None:
            return Ending(state, value, reason, seconds, None, [])
        return Ending(state, value, reason, seconds, scored.compute, scored.experiments)

    def report(share: int, score_so_far: float) -> bool:
        budget.note()
        return study.report(trial, share, score_so_far)

    try:
        scored = runner(study.trial_name(trial.number), overrides, report)
        value = score(scored.rows, scored.labels, study.sweep.metric)
    except Pruned:
        return ending("PRUNED")
    except Hindered:
        raise
    except StrataError as error:
        if is_full_disk(str(error)) or (isinstance(study.sweep, Search) and fails_every_trial(str(error))):
            raise
        return ending("FAIL", reason=str(error))
    write_rows(rows, trial.number, scored.rows, scored.labels)
    return ending("COMPLETE", value, scored=scored)


def shares(jobs: int) -> list[dict[str, str]]:
    """Return which part of the machine each of so many jobs uses, as environment variables: cores, and a GPU each."""
    most = os.environ.get("OMP_NUM_THREADS", "")
    threads = min(cores() // jobs, int(most)) if most.isdecimal() else cores() // jobs
    share = {"OMP_NUM_THREADS": str(max(1, threads))}
    if jobs == 1:
        return [share]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        import torch  # takes seconds

        visible = ",".join(map(str, range(torch.cuda.device_count())))
    devices = [device for device in visible.split(",") if device]
    return [share | ({"CUDA_VISIBLE_DEVICES": devices[i % len(devices)]} if devices else {}) for i in range(jobs)]


def local_runner(workspaces: list[Workspace], sweep: Sweep, logs: Path) -> Runner:
    """Return what runs a trial in a workspace of this machine that is free. logs: folder for what trials print."""
    free: queue.SimpleQueue[tuple[Workspace, dict[str, str]]] = queue.SimpleQueue()
    for place in zip(workspaces, shares(len(workspaces)), strict=True):
        free.put(place)
    logs.mkdir(parents=True, exist_ok=True)

    def runner(name: str, overrides: Overrides, report: Report) -> Scored:
        workspace, share = free.get()
        try:
            log, hand_over = logs / f"{name}.log", workspace.hand_over
            return one_trial.run(workspace, name, overrides, sweep.folds, sweep.metric, report, hand_over, log, share)
        finally:
            free.put((workspace, share))

    return runner


def search(study: Study, runner: Runner, jobs: int, rows: Path, end_trials: Callable[[], None]) -> None:
    """Run rounds of trials until all that the sweep asks for have ended, or its time is over.

    jobs: trials side by side. end_trials: ends those that run, when the search is interrupted; they run again later.
    """
    budget, interrupted = Budget(study), threading.Event()
    progress = Progress(study, budget)

    def run(trial: Trial) -> None:
        if ending_of(trial) is not None or interrupted.is_set() or budget.is_used_up():
            return
        ending = run_trial(study, trial, runner, rows, budget)
        if not interrupted.is_set():
            note_ending(trial, ending)
            budget.note()
            progress.show(trial.number, json.loads(trial.user_attrs[OVERRIDES]), ending)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            while not budget.is_used_up() and (trials := study.next_round()):
                list(pool.map(run, trials))
                if all(ending_of(trial) for trial in trials):
                    study.end_round(trials)
        except BaseException:
            interrupted.set()
            try:
                budget.note()
            finally:
                end_trials()
            raise
