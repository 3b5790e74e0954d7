"""Starts a sweep, or goes on with one that was killed, on this machine or a cluster."""

import fcntl
import os
import platform
import shutil
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage

from strata.base.errors import StrataError
from strata.base.files import replace_file
from strata.settings.overrides import Overrides, changed, keys, value_at
from strata.settings.sweep import Search, Sweep
from strata.settings.sweep_reader import checked
from strata.settings.yaml_loader import read_yaml
from strata.sweeping import starting_point
from strata.sweeping.rounds import Runner, local_runner, search
from strata.sweeping.study import Study, ending_of, forget, journal
from strata.sweeping.trial import Report, Scored
from strata.sweeping.workspace import Workspace, check_has_commit, remove_experiments

STATE, WORKSPACES, RESULTS = "data/sweep", ".dvc/tmp/sweep", "plots/sweep"
ROWS, JOURNAL = "rows", "journal.log"
REPOSITORY_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""What Git sets for hooks and aliases. With these, Git would work in the user's repository instead of a clone."""


def storage_of(project: Path, name: str, sweep: Sweep, alone: bool = False) -> BaseStorage | str:
    """Return where Optuna keeps a sweep's trials. alone: nobody else writes to its journal."""
    return database_of(sweep) or journal(project / STATE / name / JOURNAL, alone)


def database_of(sweep: Sweep) -> str | None:
    """Return the address of a sweep's database; None where its trials are in a journal."""
    return sweep.storage if isinstance(sweep, Search) else None


def known_study(project: Path, name: str, sweep: Sweep) -> Study:
    """Return what is known of a sweep that has run. Raises: StrataError when it has not, or its file has changed."""
    study = _study_if_any(project, name, sweep)
    if study is None:
        results = Path(RESULTS, name)
        if (project / results / "answer.json").exists():
            raise StrataError(f"the trials of sweep {name} are not here ({STATE}/{name}); its results are in {results}")
        raise StrataError(f"sweep {name} has not run yet: strata sweep {name}")
    study.check_base(starting_point.of_sweep(name, sweep))
    return study


def _study_if_any(project: Path, name: str, sweep: Sweep) -> Study | None:
    """Return what is known of a sweep, None when it has not begun; write nothing."""
    if not database_of(sweep) and not (project / STATE / name / JOURNAL).exists():
        return None
    study = Study.known(sweep, name, storage_of(project, name, sweep))
    if study is not None:
        study.check_version()
    return study if study is not None and study.has_begun else None


def owned_study(project: Path, name: str, sweep: Sweep, storage: BaseStorage | str) -> Study:
    """Return the study of a sweep that runs now, a new one unless it is known.

    Raises: StrataError when it belongs to another project.
    """
    study = Study.begun(sweep, name, storage)
    if database_of(sweep):  # a journal is in the project's own folder
        study.check_owner(_identity(project / STATE / name), f"{platform.node()}:{project}")
    return study


def _identity(state: Path) -> str:
    """Return the random name of this project's state of a sweep; the first call makes it."""
    path = state / "identity"
    if not path.exists():
        with replace_file(path) as partial:
            partial.write_text(uuid.uuid4().hex, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def forget_all(project: Path, study: Study, storage: BaseStorage | str) -> None:
    """Remove a sweep's trials, then their rows and experiments, so that a kill leaves no trial without its rows."""
    names = [study.trial_name(trial.number) for trial in study.trials]
    forget(study.name, storage)
    shutil.rmtree(project / STATE / study.name / ROWS, ignore_errors=True)
    remove_experiments(project, names)


def settings_without_draws(project: Path, name: str, sweep: Sweep) -> dict[str, Any]:
    """Return the content of params.yaml, with the keys of a sweep as they were when it began, if it has."""
    params, study = read_yaml(project / "params.yaml"), _study_if_any(project, name, sweep)
    if study is None:
        return params
    known = {*keys(params)} & {*keys(study.params)}
    return changed(params, {key: value_at(study.params, key) for key in starting_point.varied(sweep) if key in known})


def with_all_settings(runner: Runner, sweep: Sweep, initial: dict[str, Any], params: dict[str, Any]) -> Runner:
    """Return a runner that adds the keys a trial does not draw, so that every key of the sweep is set.

    It refuses values that are valid alone but not in combination. initial, params: the content of params.yaml when the
    search began, and now.
    """

    def run(name: str, drawn: Overrides, report: Report) -> Scored:
        overrides = starting_point.settings_of_trial(sweep, initial, drawn)
        checked(params, overrides, "settings that do not go together")
        return runner(name, overrides, report)

    return run


@contextmanager
def _only_one(state: Path, name: str) -> Iterator[None]:
    """Hold the sweep's lock. Raises: StrataError when another process has it."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StrataError(
                f"strata sweep {name} is already running in this project; wait for it or stop it"
            ) from None
        yield


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


def run(project: Path, name: str, sweep: Sweep, jobs: int, restart: bool, ray: str | None = None) -> None:
    """Run the trials that are missing.

    jobs: trials side by side. restart: forget those that there are. ray: address of the cluster to run them on, not
    here; auto: the one that Ray finds.
    Raises: StrataError when the project has no commit, or model.kind is tfidf, of which nothing is trained.
    """
    for variable in REPOSITORY_VARIABLES:
        os.environ.pop(variable, None)
    params = read_yaml(project / "params.yaml")
    if params["model"]["kind"] == "tfidf":
        raise StrataError(
            "params.yaml: model.kind is tfidf, so a trial trains nothing that could be scored; set it to transformer"
        )
    check_has_commit(project)
    state = project / STATE / name
    with _only_one(state, name):
        storage = storage_of(project, name, sweep, alone=True)
        study = owned_study(project, name, sweep, storage)
        initial = study.params if study.has_begun and not restart else params
        base = starting_point.fingerprint(project, name, sweep, initial)
        if not restart:
            study.begin(base, initial)
            if study.is_finished:
                if all(map(ending_of, study.trials)):  # else raising minutes goes on from their snapshots
                    shutil.rmtree(project / WORKSPACES / name, ignore_errors=True)
                return
        recipes = starting_point.recipes(sweep, initial)
        print(f"sweep: {name}: dataset{'s' if len(recipes) > 1 else ''}: {', '.join(sorted(recipes))}", flush=True)
        places, logs = project / WORKSPACES / name, state / "logs"
        if jobs > study.round_size:
            jobs = study.round_size
            print(f"sweep: {jobs} trials side by side, since so many are drawn together (round)", flush=True)
        if ray:
            from strata.sweeping.on_ray import Cluster  # needs an extra

            cluster = Cluster(ray, project, sweep, initial, places / "base", jobs)
            runner, jobs, end_trials = cluster.runner(sweep, logs), cluster.jobs, cluster.end_trials
        else:
            workspaces = [Workspace(places / str(i), project, recipes, places / "snapshots") for i in range(jobs)]
            runner, end_trials = local_runner(workspaces, sweep, logs), partial(close, workspaces)
        if restart:  # now that nothing hinders it
            forget_all(project, study, storage)
            study = owned_study(project, name, sweep, storage)
            study.begin(base, initial)
        previous = signal.signal(signal.SIGTERM, _interrupt)
        try:
            runner = with_all_settings(runner, sweep, initial, params)
            search(study, runner, jobs, state / ROWS, end_trials)
        except KeyboardInterrupt:
            print(f"sweep: interrupted; run strata sweep {name} again to resume", flush=True)
            raise
        finally:
            end_trials()
            signal.signal(signal.SIGTERM, previous)
        shutil.rmtree(places, ignore_errors=True)


def close(workspaces: list[Workspace]) -> None:
    """End what runs in workspaces of this machine, and let nothing more start there."""
    for workspace in workspaces:
        workspace.close()
