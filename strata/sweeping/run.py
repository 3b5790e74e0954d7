"""Starts a sweep, or goes on with one that was killed, on this machine."""

import fcntl
import platform
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
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


def run(project: Path, name: str, sweep: Sweep, jobs: int, restart: bool) -> None:
    """Run the trials that are missing. jobs: trials side by side. restart: forget those that there are."""
    state = project / STATE / name
    with _only_one(state, name):
        study = open_study(project, name, sweep, alone=True, restart=restart)
        study.check_owner(f"{platform.node()}:{project}")
        study.check_base(base.fingerprint(project, name, sweep))
        if study.is_finished:
            return
        recipes = base.recipes(sweep, read_yaml(project / "params.yaml"))
        places = [project / WORKSPACES / name / str(i) for i in range(min(jobs, study.round_size))]
        workspaces = [Workspace(place, project, recipes) for place in places]

        def end_trials() -> None:
            for workspace in workspaces:
                workspace.close()

        previous = signal.signal(signal.SIGTERM, _interrupt)
        try:
            search(study, local_runner(workspaces, sweep, state / "logs"), len(workspaces), state / ROWS, end_trials)
        except KeyboardInterrupt:
            print(f"sweep: interrupted; strata sweep {name} goes on", flush=True)
            raise
        finally:
            end_trials()
            signal.signal(signal.SIGTERM, previous)
        shutil.rmtree(project / WORKSPACES / name, ignore_errors=True)
