"""What a search knows, kept by Optuna: every trial with its settings, its scores on the way, and how it ended.

A search that was killed goes on with the same draws. Each trial draws from random numbers of its own, seeded by its
number, and from the scores of earlier rounds alone: a round's results are handed over together when all its trials have
ended. So neither the order in which trials end, nor how many run side by side, nor a restart decides what is drawn.
"""

import json
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.samplers import BaseSampler, GPSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from strata.base.errors import StrataError
from strata.settings.overrides import Overrides
from strata.settings.sweep import Range, Runs, Search, Sweep, combinations, is_drawn

RUN = "run"  # the one key of a sweep of named runs
OVERRIDES, ENDING = "overrides", "ending"
BASE, PARAMS = "base", "params"  # what the search began with

optuna.logging.set_verbosity(optuna.logging.ERROR)


class _JournalFile(JournalFileBackend):
    """Optuna's journal file. A line that could not be written whole, as on a full disk, is removed at once."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        size = Path(self._file_path).stat().st_size  # only one process writes
        try:
            super().append_logs(logs)
        except BaseException:
            os.truncate(self._file_path, size)
            raise


def journal(path: Path, alone: bool) -> BaseStorage:
    """Return the storage in a file. alone: nobody else uses it, so that what a kill left half-written is removed.

    Raises: StrataError when the file is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for lock in path.parent.glob(f"{path.name}.lock*") if alone else ():
        lock.unlink()
    if alone and path.exists():
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)
    try:
        return JournalStorage(_JournalFile(str(path)))
    except Exception as error:  # whatever Optuna's replay of a damaged file stumbles over
        raise StrataError(
            f"{path}: cannot be read ({type(error).__name__}: {' '.join(str(error).split())}); restore it from a copy, "
            f"or remove {path.parent} to start over"
        ) from None


def forget(name: str, storage: BaseStorage | str) -> None:
    """Remove all trials of a sweep."""
    with suppress(KeyError):
        optuna.delete_study(study_name=name, storage=storage)


class Ending(NamedTuple):
    """How a trial ended."""

    state: str  # COMPLETE, PRUNED or FAIL, as Optuna calls them
    score: float | None
    reason: str | None  # why it failed
    seconds: float
    compute: float | None  # floating-point operations of its training, roughly
    experiments: list[str]


def ending_of(trial: Trial | FrozenTrial) -> Ending | None:
    """Return how a trial ended, None while it has not."""
    content = trial.user_attrs.get(ENDING)
    return None if content is None else Ending(**content)


def note_ending(trial: Trial, ending: Ending) -> None:
    """Record how a trial ended, before the results of its round are handed over."""
    trial.set_user_attr(ENDING, ending._asdict())


class Study:
    """The trials of one sweep. name: of the sweep, and of the study in the storage. study: Optuna's."""

    def __init__(self, sweep: Sweep, name: str, study: optuna.Study):
        self.sweep, self.name, self.study = sweep, name, study
        is_search = isinstance(sweep, Search)
        self.fixed = None if is_search and sweep.sampler != "grid" else _listed(sweep)
        self.most = len(self.fixed) if self.fixed else None
        if is_search and sweep.trials is not None:
            self.most = min(sweep.trials, self.most or sweep.trials)
        self.round_size = sweep.round if is_search else len(sweep.runs)
        if is_search and sweep.pruner == "median":
            study.pruner = optuna.pruners.MedianPruner()
        else:
            study.pruner = optuna.pruners.NopPruner()

    @classmethod
    def begun(cls, sweep: Sweep, name: str, storage: BaseStorage | str) -> "Study":
        """Return a sweep's study, a new one unless it is there. Raises: StrataError when the storage fails."""
        try:
            study = optuna.create_study(
                storage=storage, study_name=name, direction=sweep.direction, load_if_exists=True
            )
        except Exception as error:
            raise _unusable(name, error) from None
        return cls(sweep, name, study)

    @classmethod
    def known(cls, sweep: Sweep, name: str, storage: BaseStorage | str) -> "Study | None":
        """Return a sweep's study as it is, None when it has not run. Raises: StrataError when the storage fails."""
        try:
            study = optuna.load_study(storage=storage, study_name=name)
        except KeyError:
            return None
        except Exception as error:
            raise _unusable(name, error) from None
        return cls(sweep, name, study)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, by number."""
        return self.study.get_trials(deepcopy=False)

    def trial_name(self, number: int) -> str:
        """Return the name of a trial, and of its DVC experiment."""
        run = self.trials[number].params.get(RUN)  # not that of the sweep's file, which may have changed
        return f"{self.name}-{number:03d}" if run is None else f"{self.name}-{run}"

    def best(self) -> FrozenTrial | None:
        """Return the trial with the best score, of equal ones the first; None before any has one."""
        scored = [trial for trial in self.trials if (ending := ending_of(trial)) and ending.score is not None]
        return max(scored, key=lambda trial: self.sweep.sign * ending_of(trial).score, default=None)

    @property
    def seconds(self) -> float:
        """How long the search has run so far, over all calls."""
        return self.study.user_attrs.get("seconds", 0.0)

    @seconds.setter
    def seconds(self, value: float) -> None:
        self.study.set_user_attr("seconds", value)

    def check_owner(self, identity: str, place: str) -> None:
        """Raise StrataError when another project runs this sweep in the same database.

        identity: of this project's state of the sweep; it survives a change of host name, and a copy of the folder has
        the same. place: host and folder, for the error.
        """
        attrs = self.study.user_attrs
        if attrs.get("owner", place) != place and attrs.get("identity") != identity:
            raise StrataError(
                f"sweep {self.name} in this database is run by {attrs['owner']}: continue there, give this sweep "
                "another name, or send the trials of one search to several machines with --on ray"
            )
        self.study.set_user_attr("owner", place)
        self.study.set_user_attr("identity", identity)

    @property
    def has_begun(self) -> bool:
        """Whether the study records what the search began with. If not, it has no trials, or an older version's."""
        return {BASE, PARAMS} <= set(self.study.user_attrs)

    @property
    def params(self) -> dict[str, Any]:
        """The content of params.yaml when the search began."""
        return json.loads(self.study.user_attrs[PARAMS])

    def begin(self, base: dict[str, str], params: dict[str, Any]) -> None:
        """Record what the search begins with. If it has begun, check that this is unchanged.

        base: of `fingerprint`. params: the content of params.yaml. Raises: StrataError as the checks.
        """
        self.check_version()
        if self.has_begun:
            self.check_base(base)
        else:
            self.study.set_user_attr(PARAMS, json.dumps(params))
            self.study.set_user_attr(BASE, base)

    def check_version(self) -> None:
        """Raise StrataError when there are trials and no record of what they began with."""
        if self.trials and not self.has_begun:
            raise StrataError(
                f"this search was begun by another version of Strata; start over with strata sweep {self.name} "
                "--restart, or give the sweep another name"
            )

    def check_base(self, base: dict[str, str]) -> None:
        """Raise StrataError when the project is not what it was when this search began.

        base: of `fingerprint`, or a part of it.
        """
        known = self.study.user_attrs[BASE]
        if changed := [name for name, value in base.items() if known.get(name) != value]:
            raise StrataError(
                f"{', '.join(changed)} changed since this search began, and its trials would not be comparable; undo "
                f"the change, start over with strata sweep {self.name} --restart, or give the sweep another name"
            )

    @property
    def is_finished(self) -> bool:
        """Whether all trials that the sweep asks for have ended, or its time is over."""
        trials = self.trials
        if self.most is not None and len(trials) >= self.most and all(map(ending_of, trials)):
            return True
        return self.seconds_left is not None and self.seconds_left <= 0

    @property
    def seconds_left(self) -> float | None:
        """How much longer the search may run; None without a limit."""
        minutes = self.sweep.minutes if isinstance(self.sweep, Search) else None
        return None if minutes is None else 60 * minutes - self.seconds

    def next_round(self) -> list[Trial]:
        """Return the trials that run next: those that a killed search left, and new ones up to the round's size."""
        trials = self.trials
        running = [self._trial(trial) for trial in trials if trial.state == TrialState.RUNNING]
        number = len(trials)
        while (self.most is None or number < self.most) and (number % self.round_size or not running):
            running.append(self._trial(None))
            number += 1
        return running

    def _trial(self, known: FrozenTrial | None) -> Trial:
        """Return a trial, a new one or one to continue, with its settings drawn."""
        number = len(self.trials) if known is None else known.number
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            drawn = None if known and OVERRIDES in known.user_attrs else self._drawn(number)
            self.study.sampler = PartialFixedSampler(drawn or {}, RandomSampler(0))
            trial = self.study.ask() if known is None else Trial(self.study, known._trial_id)
            if drawn is not None:
                trial.set_user_attr(OVERRIDES, json.dumps(self._suggested(trial)))
        return trial

    def _drawn(self, number: int) -> dict[str, Any]:
        """Return a trial's parameters, in Optuna's form.

        They are drawn in a copy of the study with the earlier trials only, so they stay the same after a kill between
        two draws.
        """
        if self.fixed:
            return self.fixed[number]
        copy = optuna.create_study(direction=self.sweep.direction)
        copy.add_trials(self.trials[:number])
        copy.sampler = self._sampler(number)
        trial = copy.ask()
        self._suggested(trial)
        return trial.params

    def _suggested(self, trial: Trial) -> Overrides:
        """Return the settings that the study's sampler suggests for a trial."""
        if isinstance(self.sweep, Runs):
            return self.sweep.runs[trial.suggest_categorical(RUN, list(self.sweep.runs))]
        values: Overrides = {}
        for key, space in self.sweep.search.items():
            if not is_drawn(space, values):
                continue
            if not isinstance(space, Range):
                values[key] = json.loads(trial.suggest_categorical(key, [json.dumps(value) for value in space.choices]))
            elif space.is_whole:
                values[key] = trial.suggest_int(key, space.low, space.high, log=space.log)
            else:
                drawn = float(f"{trial.suggest_float(key, space.low, space.high, log=space.log):.3g}")
                values[key] = min(max(drawn, space.low), space.high)
        return values

    def _sampler(self, number: int) -> BaseSampler:
        """Return the sampler of a trial's draws, with random numbers of its own."""
        seed = int(np.random.SeedSequence([self.sweep.seed, number]).generate_state(1)[0])
        kinds = {"tpe": TPESampler, "gp": GPSampler, "random": RandomSampler}
        return kinds[self.sweep.sampler](seed=seed)

    def report(self, trial: Trial, share: int, value: float) -> bool:
        """Record a trial's score at a share of it, in percent, and return whether the pruner stops the trial.

        A trial that has reached its end is never stopped. Its last score is not recorded: Optuna judges by the last
        one, also when the trial runs again after a kill and reports its first.
        """
        if share >= 100:
            return False
        if share not in self.study.get_trials(deepcopy=False)[trial.number].intermediate_values:
            trial.report(value, share)
        return trial.should_prune()

    def end_round(self, trials: list[Trial]) -> None:
        """Hand a round's results over to the sampler and the pruner, in the order of the trials' numbers."""
        for trial in sorted(trials, key=lambda trial: trial.number):
            ending = ending_of(trial)
            self.study.tell(trial.number, ending.score, state=TrialState[ending.state])


def _unusable(name: str, error: Exception) -> StrataError:
    return StrataError(f"the storage of sweep {name} cannot be used ({' '.join(str(error).split())})")


def _listed(sweep: Sweep) -> list[dict[str, Any]]:
    """Return what each trial of named runs, or of a grid, draws, in order."""
    if isinstance(sweep, Runs):
        return [{RUN: name} for name in sweep.runs]
    return [{key: json.dumps(value) for key, value in drawn.items()} for drawn in combinations(sweep.search)]
