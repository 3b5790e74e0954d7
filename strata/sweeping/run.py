"""Starts a sweep, or goes on with one that was killed, on this machine or a cluster."""

import fcntl
import platform
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from strata.base.errors import StrataError
from strata.settings.sweep import Search, Sweep
from strata.settings.yaml_loader import read_yaml
from strata.sweeping import base
from strata.sweeping.search import local_runner, search
from strata.sweeping.study import Study, forget, journal
from strata.sweeping.workspace import Workspace

STATE, WORKSPACES, RESULTS = "data/sweep", ".dvc/tmp/sweep", "plots/sweep"
ROWS = "rows"


def open_study(project: Path, name: str, sweep: Sweep, alone: bool = False, restart: bool = False) -> Study:
    """Return what is known of a sweep.

    alone: nobody else writes to its journal. restart: forget all that is known.
    """
    database = sweep.storage if isinstance(sweep, Search) else None
    storage = database or journal(project / STATE / name / "journal.log", alone)
    if restart:
        forget(name, storage)
        shutil.rmtree(project / STATE / name / ROWS, ignore_errors=True)
    return Study(sweep, name, storage)


@contextmanager
def _only_one(state: Path, name: str) -> Iterator[None]:
    """Hold the sweep's lock. Raises: StrataError when another process has it."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StrataError(f"strata sweep {name} runs already in this project; wait for it, or end it") from None
        yield


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


def run(project: Path, name: str, sweep: Sweep, jobs: int, restart: bool, ray: str | None = None) -> None:
    """Run the trials that are missing.

    jobs: trials side by side. restart: forget those that there are. ray: address of the cluster to run them on, not
    here; auto: the one that Ray finds.
    """
    state = project / STATE / name
    with _only_one(state, name):
        study = open_study(project, name, sweep, alone=True, restart=restart)
        study.check_owner(f"{platform.node()}:{project}")
        study.check_base(base.fingerprint(project, name, sweep))
        if study.is_finished:
            return
        places, logs = project / WORKSPACES / name, state / "logs"
        jobs = min(jobs, study.round_size)
        if ray:
            from strata.sweeping.on_ray import Cluster  # needs an extra

            cluster = Cluster(ray, project, sweep, places / "base", jobs)
            runner, jobs, end_trials = cluster.runner(sweep, logs), cluster.jobs, cluster.end_trials
        else:
            recipes = base.recipes(sweep, read_yaml(project / "params.yaml"))
            workspaces = [Workspace(places / str(i), project, recipes) for i in range(jobs)]
            runner, end_trials = local_runner(workspaces, sweep, logs), partial(close, workspaces)
        previous = signal.signal(signal.SIGTERM, _interrupt)
        try:
            search(study, runner, jobs, state / ROWS, end_trials)
        except KeyboardInterrupt:
            print(f"sweep: interrupted; strata sweep {name} goes on", flush=True)
            raise
        finally:
            end_trials()
            signal.signal(signal.SIGTERM, previous)
        shutil.rmtree(places, ignore_errors=True)


def close(workspaces: list[Workspace]) -> None:
    """End what runs in workspaces of this machine, and let nothing more start there."""
    for workspace in workspaces:
        workspace.close()
