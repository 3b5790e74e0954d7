"""What a search may say: the best setting, those that its rows cannot tell from it, and the luck in its score."""

import json
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from strata.base.errors import StrataError
from strata.intervals.best_of_many import BestOfMany, best_of_many, scores_and_draws
from strata.settings.overrides import Overrides
from strata.settings.sweep import Search, Sweep
from strata.sweeping.kept_rows import read_rows
from strata.sweeping.study import OVERRIDES, Ending, Study, ending_of

SEED = 42  # of the draws
STATES = {"COMPLETE": "complete", "PRUNED": "stopped early", "FAIL": "failed"}


class Setting(NamedTuple):
    """A trial, as the answer shows it."""

    number: int
    name: str
    overrides: Overrides
    ending: Ending


class Answer(NamedTuple):
    """What came of a sweep so far."""

    settings: list[Setting]  # every trial that has ended, by number
    comparable: list[Setting]  # the largest group that was scored on the same validation rows
    best: Setting  # of these
    tied: list[Setting]  # not told apart from the best, which is among them; the best score first
    cheapest: Setting  # of these
    rows: int  # validation rows, all folds together
    shrinkage: float  # by which the best score is expected to fall on new rows; NaN where nothing can be said
    shrinkage_error: float  # its standard deviation
    importances: dict[str, float]  # of the keys, the most important first

    @property
    def scored(self) -> list[Setting]:
        """The trials that have a score."""
        return [setting for setting in self.settings if setting.ending.score is not None]

    @property
    def apart(self) -> list[Setting]:
        """The trials that were scored on other rows, for example with another recipe, and are not compared."""
        return [setting for setting in self.scored if not any(setting is one for one in self.comparable)]

    @property
    def states(self) -> dict[str, int]:
        """The number of trials that ended in each way, by its words."""
        return {words: sum(one.ending.state == state for one in self.settings) for state, words in STATES.items()}

    def is_tied(self, setting: Setting) -> bool:
        """Whether a trial is not told apart from the best."""
        return any(setting is one for one in self.tied)

    def promised(self, sign: int) -> float:
        """Return what the best score is expected to be on new rows. sign: of the sweep."""
        return self.best.ending.score - sign * self.shrinkage


def answer(study: Study, folder: Path) -> Answer:
    """Return what the trials that have ended say. folder: of their rows.

    Raises: StrataError when no trial has a score, or rows are missing.
    """
    settings = [
        Setting(trial.number, study.trial_name(trial.number), json.loads(trial.user_attrs[OVERRIDES]), ending)
        for trial in study.trials
        if (ending := ending_of(trial))
    ]
    scored = [setting for setting in settings if setting.ending.score is not None]
    if not scored:
        reasons = [setting.ending.reason for setting in settings if setting.ending.reason]
        why = f"; the last one failed: {reasons[-1]}" if reasons else ""
        raise StrataError(f"sweep {study.name}: no trial has a score yet{why}")
    comparable = with_same_rows(scored, folder)
    best = max(comparable, key=lambda one: study.sweep.sign * one.ending.score)
    rows, result = compared(comparable, folder, study.sweep)
    tied = [one for one, is_tied in zip(comparable, result.not_told_apart, strict=True) if is_tied or one is best]
    tied.sort(key=lambda one: (one is not best, -study.sweep.sign * one.ending.score))
    return Answer(
        settings=settings,
        comparable=comparable,
        best=best,
        tied=tied,
        cheapest=min(tied, key=lambda one: one.ending.compute),
        rows=rows,
        shrinkage=result.shrinkage,
        shrinkage_error=result.shrinkage_error,
        importances=importances(study),
    )


def with_same_rows(scored: list[Setting], folder: Path) -> list[Setting]:
    """Return the largest group of settings that were scored on the same rows with the same labels."""
    groups: dict[tuple, list[Setting]] = {}
    for setting in scored:
        rows, labels = read_rows(folder, setting.number, ["id", "label"])
        same = tuple(labels.names), labels.positive, rows.to_numpy().tobytes()
        groups.setdefault(same, []).append(setting)
    return max(groups.values(), key=len)


def compared(comparable: list[Setting], folder: Path, sweep: Sweep) -> tuple[int, BestOfMany]:
    """Compare settings row by row. Returns: the number of rows, and the comparison."""
    rows, labels = read_rows(folder, comparable[0].number)
    probabilities = (np.stack(read_rows(folder, one.number)[0]["probabilities"]) for one in comparable)
    label, unit = rows["label"].to_numpy(), rows["unit"].to_numpy()
    scores, draws = scores_and_draws(label, probabilities, labels.positive_id, unit, SEED, sweep.metric)
    return len(rows), best_of_many(sweep.sign * scores, sweep.sign * draws, len(np.unique(unit)))


def importances(study: Study) -> dict[str, float]:
    """Return how much of the scores' spread each key explains, by fANOVA; empty where too few trials have a score."""
    scored = [trial for trial in study.trials if (ending := ending_of(trial)) and ending.score is not None]
    if not isinstance(study.sweep, Search) or len({ending_of(trial).score for trial in scored}) < 2:
        return {}
    other = optuna.create_study(direction=study.sweep.direction)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for trial in scored:
            other.add_trial(_complete(trial))
        try:
            evaluator = optuna.importance.FanovaImportanceEvaluator(seed=SEED)
            return optuna.importance.get_param_importances(other, evaluator=evaluator)
        except (ValueError, RuntimeError):
            return {}


def _complete(trial: FrozenTrial) -> FrozenTrial:
    return optuna.trial.create_trial(
        params=trial.params, distributions=trial.distributions, value=ending_of(trial).score
    )
