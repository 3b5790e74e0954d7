"""The loop of a search: draws, rounds, pruning and restarts, with trials that are functions instead of trainings."""

import json
import re
import resource
import threading
from types import SimpleNamespace

import numpy as np
import optuna
import pandas as pd
import pytest

from strata.base.errors import StrataError
from strata.labels import Labels
from strata.settings.sweep import Runs, Search
from strata.sweeping.answer import answer
from strata.sweeping.rounds import search, shares
from strata.sweeping.study import OVERRIDES, Study, ending_of, forget, journal
from strata.sweeping.trial import Pruned, Scored
from strata.sweeping.workspace import Hindered

ROWS = 200
SETTINGS = {
    "search": {
        "train.lr": {"low": 1.0e-5, "high": 1.0e-3, "log": True},
        "train.batch_size": [8, 16, 32],
        "train.schedule": ["linear", "cosine"],
        "train.label_smoothing": {"low": 0.0, "high": 0.2, "when": {"train.schedule": "linear"}},
    },
    "metric": "accuracy",
    "direction": "maximize",
    "sampler": "tpe",
    "trials": 14,
    "pruner": "none",
    "round": 2,
    "seed": 3,
}


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it on the way."""


def sweep(**changes):
    return Search.model_validate(SETTINGS | changes)


def accuracy_of(overrides):
    """Best at a learning rate of 1e-4 and batches of 16."""
    distance = abs(np.log10(overrides.get("train.lr", 1e-4)) + 4)
    return 0.9 - 0.2 * distance - 0.02 * (overrides.get("train.batch_size", 16) != 16)


def scored(right, name):
    """Rows of which a share is predicted right."""
    label = np.arange(ROWS) % 2
    wrong = np.arange(ROWS) >= round(right * ROWS)
    given = np.where(wrong, 1 - label, label)
    probabilities = np.eye(2)[given] * 0.8 + 0.1
    rows = pd.DataFrame({"id": range(ROWS), "label": label, "probabilities": list(probabilities), "unit": range(ROWS)})
    return Scored(rows, Labels(["neg", "pos"], "pos"), 1e12, [name])


class Trainings:
    """Runs trials; counts what it ran. killed_at: numbers of calls that end as if killed."""

    def __init__(self, killed_at=(), evaluations=4):
        self.killed_at, self.evaluations, self.names, self.steps = set(killed_at), evaluations, [], 0
        self.lock = threading.Lock()

    def __call__(self, name, overrides, report):
        with self.lock:
            self.names.append(name)
            if len(self.names) in self.killed_at:
                raise Killed
        final = accuracy_of(overrides)
        for i in range(self.evaluations):
            self.steps += 1
            share = round(100 * (i + 1) / self.evaluations)
            if share < 100 and report(share, final * (0.7 + 0.3 * (i + 1) / self.evaluations)):
                raise Pruned
        return scored(final, name)


def run(folder, settings, trainings, jobs=1):
    study = Study.begun(settings, "s", journal(folder / "journal.log", alone=True))
    search(study, trainings, jobs, folder / "rows", lambda: None)
    return study


def record(study):
    """What a search knows of each trial, but for its seconds."""
    return [
        (trial.number, trial.user_attrs[OVERRIDES], trial.state.name, ending_of(trial)._replace(seconds=0))
        for trial in study.trials
    ]


def test_a_search_finds_the_better_region(tmp_path):
    study = run(tmp_path, sweep(), Trainings())
    assert len(study.trials) == 14
    assert study.is_finished
    assert ending_of(study.best()).score > 0.8


def test_the_same_seed_draws_the_same_settings(tmp_path):
    records = [
        record(run(tmp_path / name, sweep(seed=seed), Trainings())) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    ]
    assert records[0] == records[1]
    assert records[0] != records[2]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_trials_side_by_side_change_nothing(tmp_path, sampler):
    one = run(tmp_path / "one", sweep(sampler=sampler, round=4, pruner="median"), Trainings())
    four = run(tmp_path / "four", sweep(sampler=sampler, round=4, pruner="median"), Trainings(), jobs=4)
    assert record(one) == record(four)


def test_a_search_that_is_killed_goes_on_to_the_same_end(tmp_path):
    undisturbed = run(tmp_path / "undisturbed", sweep(pruner="median"), Trainings())
    for moment in (1, 4, 7):
        with pytest.raises(Killed):
            run(tmp_path / "killed", sweep(pruner="median"), Trainings({moment}))
    last = Trainings()
    killed = run(tmp_path / "killed", sweep(pruner="median"), last)
    assert record(killed) == record(undisturbed)
    assert len(last.names) == len(set(last.names)) <= 5, "what had ended does not run again"


def test_a_kill_between_two_draws_changes_no_trial(tmp_path, monkeypatch):
    settings = sweep(sampler="gp", trials=12)  # which learns from the eleventh trial on, and draws all keys together
    undisturbed = run(tmp_path / "undisturbed", settings, Trainings())
    suggest = optuna.Trial.suggest_categorical

    def killed_after_the_learning_rate(trial, name, choices):
        if trial.number == 10 and "lr" in (tmp_path / "killed/journal.log").read_text().splitlines()[-1]:
            raise Killed
        return suggest(trial, name, choices)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(optuna.Trial, "suggest_categorical", killed_after_the_learning_rate)
        run(tmp_path / "killed", settings, Trainings())
    assert record(run(tmp_path / "killed", settings, Trainings())) == record(undisturbed)


def test_half_a_line_that_a_kill_left_in_the_journal_is_removed(tmp_path):
    undisturbed = run(tmp_path / "undisturbed", sweep(), Trainings())
    with pytest.raises(Killed):
        run(tmp_path / "killed", sweep(), Trainings({5}))
    with (tmp_path / "killed/journal.log").open("a") as content:
        content.write('{"op_code":4,"worker')
    (tmp_path / "killed/journal.log.lock").touch()
    assert record(run(tmp_path / "killed", sweep(), Trainings())) == record(undisturbed)


def test_a_finished_search_runs_nothing_and_more_trials_may_be_asked_for(tmp_path):
    first = record(run(tmp_path, sweep(), Trainings()))
    again = Trainings()
    assert record(run(tmp_path, sweep(), again)) == first
    assert not again.names
    more = run(tmp_path, sweep(trials=16), again)
    assert record(more)[:14] == first
    assert again.names == ["s-014", "s-015"]


def test_the_pruner_saves_steps_and_keeps_the_best(tmp_path):
    counts = {}
    for pruner in ("none", "median"):
        trainings = Trainings()
        study = run(tmp_path / pruner, sweep(sampler="random", trials=20, pruner=pruner), trainings)
        counts[pruner] = trainings.steps, ending_of(study.best()).score, [t.state.name for t in study.trials]
    assert counts["median"][0] < counts["none"][0]
    assert counts["median"][1] == counts["none"][1]
    assert "PRUNED" in counts["median"][2]
    assert set(counts["none"][2]) == {"COMPLETE"}


def test_a_trial_at_its_end_is_never_given_up(tmp_path):
    """For example after the last fold, also on Ray."""
    study = Study.begun(sweep(pruner="median", trials=20, round=1), "s", journal(tmp_path / "journal.log", alone=True))
    given_up = []

    def runner(name, overrides, report):
        worse = name == "s-008"
        given_up.append(report(50, 0.1 if name == "s-009" else 0.7))
        given_up.append(report(100, 0.1 if worse else 0.8))
        return scored(0.1 if worse else 0.8, name)

    search(study, runner, 1, tmp_path / "rows", lambda: None)
    assert given_up == [i == 2 * 9 for i in range(2 * 20)]


def test_a_trial_that_fails_is_recorded_with_its_reason_and_the_search_goes_on(tmp_path):
    def runner(name, overrides, report):
        if name == "s-003":
            raise StrataError("train: the loss has become NaN")
        return scored(accuracy_of(overrides), name)

    study = run(tmp_path, sweep(), runner)
    assert [t.number for t in study.trials if t.state.name == "FAIL"] == [3]
    assert ending_of(study.trials[3]).reason == "train: the loss has become NaN"
    assert len(study.trials) == 14


def test_a_failure_that_every_trial_would_have_ends_the_search(tmp_path):
    def runner(name, overrides, report):
        raise StrataError("standardize: data/ingest/train.parquet: no label")

    with pytest.raises(StrataError, match="no label"):
        run(tmp_path, sweep(), runner)


def test_a_key_is_drawn_only_where_its_condition_holds(tmp_path):
    study = run(tmp_path, sweep(), Trainings())
    drawn = [json.loads(trial.user_attrs[OVERRIDES]) for trial in study.trials]
    assert {values["train.schedule"] for values in drawn} == {"linear", "cosine"}
    assert all(("train.label_smoothing" in values) == (values["train.schedule"] == "linear") for values in drawn)


def test_a_grid_tries_every_combination_once(tmp_path):
    keys = {
        "train.schedule": ["linear", "cosine"],
        "train.batch_size": {"choices": [8, 16], "when": {"train.schedule": "linear"}},
    }
    study = run(tmp_path, sweep(search=keys, sampler="grid", trials=None), Trainings())
    assert [json.loads(trial.user_attrs[OVERRIDES]) for trial in study.trials] == [
        {"train.schedule": "linear", "train.batch_size": 8},
        {"train.schedule": "linear", "train.batch_size": 16},
        {"train.schedule": "cosine"},
    ]


def test_named_runs_run_in_order_under_their_names(tmp_path):
    runs = {"base": {}, "slow": {"train.lr": 1e-5}, "other": {"train.batch_size": 8}}
    trainings = Trainings()
    study = run(tmp_path, Runs(runs=runs, metric="accuracy", direction="maximize"), trainings)
    assert trainings.names == ["s-base", "s-slow", "s-other"]
    result = answer(study, tmp_path / "rows")
    assert result.best.name == "s-base"
    assert [one.name for one in result.tied] == ["s-base", "s-other"]


def test_runs_on_other_rows_are_left_out_of_the_answer(tmp_path):
    def runner(name, overrides, report):
        one = scored(0.95 if name == "s-easy" else 0.7 if name == "s-base" else 0.8, name)
        return one._replace(rows=one.rows.iloc[:150]) if name == "s-easy" else one

    runs = {"easy": {}, "base": {}, "slow": {"train.lr": 1e-5}}
    result = answer(run(tmp_path, Runs(runs=runs, metric="accuracy", direction="maximize"), runner), tmp_path / "rows")
    assert result.best.name == "s-slow"
    assert result.rows == ROWS
    assert [one.name for one in result.apart] == ["s-easy"]


def test_no_trial_starts_when_the_time_is_over_and_more_time_goes_on(tmp_path, monkeypatch):
    clock = iter(range(0, 10**6, 50))
    monkeypatch.setattr("strata.sweeping.rounds.time", SimpleNamespace(monotonic=lambda: next(clock)))
    study = run(tmp_path, sweep(trials=None, minutes=20), Trainings())
    ended = [trial for trial in study.trials if ending_of(trial)]
    assert 0 < len(ended) < 14
    more = run(tmp_path, sweep(trials=None, minutes=40), Trainings())
    assert len([trial for trial in more.trials if ending_of(trial)]) > len(ended)


def test_a_search_that_is_interrupted_ends_its_trials_and_counts_them_as_not_run(tmp_path):
    ended = []

    def runner(name, overrides, report):
        if name == "s-001":
            raise KeyboardInterrupt
        return scored(0.8, name)

    study = Study.begun(sweep(), "s", journal(tmp_path / "journal.log", alone=True))
    with pytest.raises(KeyboardInterrupt):
        search(study, runner, 1, tmp_path / "rows", lambda: ended.append(True))
    assert ended == [True]
    assert [ending_of(trial) is not None for trial in study.trials] == [True, False]


def test_what_another_project_state_would_find_is_not_mixed_in(tmp_path):
    study = Study.begun(sweep(), "s", journal(tmp_path / "journal.log", alone=True))
    assert not study.has_begun
    study.begin({"params.yaml": "1", "stages/train": "2"}, {"seed": 1})
    study.begin({"params.yaml": "1", "stages/train": "2"}, {"seed": 2})
    assert study.params == {"seed": 1}
    with pytest.raises(StrataError, match=r"^stages/train changed since this search began.*--restart"):
        study.begin({"params.yaml": "1", "stages/train": "3"}, {"seed": 1})


def test_trials_that_began_with_something_unknown_are_not_mixed_in(tmp_path):
    study = run(tmp_path, sweep(trials=2), Trainings())
    with pytest.raises(StrataError, match="was begun by another version of Strata; start over with"):
        study.begin({"params.yaml": "1"}, {"seed": 1})


def test_a_database_keeps_a_search_as_the_file_does(tmp_path):
    in_file = run(tmp_path / "file", sweep(), Trainings())
    storage = f"sqlite:///{tmp_path}/trials.db"
    study = Study.begun(sweep(), "s", storage)
    with pytest.raises(Killed):
        search(study, Trainings({5}), 1, tmp_path / "rows", lambda: None)
    again = Study.begun(sweep(), "s", storage)
    search(again, Trainings(), 1, tmp_path / "rows", lambda: None)
    assert record(again) == record(in_file)
    forget("s", storage)
    assert not Study.begun(sweep(), "s", storage).trials


def test_what_a_full_disk_cut_off_leaves_the_journal_readable(tmp_path):
    path = tmp_path / "journal.log"
    study = Study.begun(sweep(), "s", journal(path, alone=True))
    size, before = path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            study.seconds = 1.0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.stat().st_size == size
    study.seconds = 2.0
    assert Study.begun(sweep(), "s", journal(path, alone=True)).seconds == 2.0


@pytest.mark.parametrize(
    "error",
    [
        StrataError("train: models/train: cannot be written (the disk is full, 0 MB are free); free some space"),
        Hindered("git read-tree fails (index.lock: File exists)"),
    ],
    ids=["disk", "git"],
)
def test_what_has_nothing_to_do_with_a_trial_ends_the_search_and_counts_for_nothing(tmp_path, error):
    def fails(name, overrides, report):
        raise error

    with pytest.raises(StrataError, match=re.escape(str(error))):
        run(tmp_path / "s", sweep(), fails)
    assert record(run(tmp_path / "s", sweep(), Trainings())) == record(run(tmp_path / "other", sweep(), Trainings()))


def test_one_database_serves_one_project_a_search(tmp_path):
    storage = f"sqlite:///{tmp_path}/trials.db"
    Study.begun(sweep(), "s", storage).check_owner("one", "here:/a")
    Study.begun(sweep(), "s", storage).check_owner("another", "here:/a")  # its state was removed
    Study.begun(sweep(), "s", storage).check_owner("another", "renamed:/a")
    with pytest.raises(StrataError, match="sweep s in this database is run by renamed:/a: continue there"):
        Study.begun(sweep(), "s", storage).check_owner("third", "there:/a")
    with pytest.raises(StrataError, match="the storage of sweep s cannot be used"):
        Study.begun(sweep(), "s", f"sqlite:///{tmp_path}/no/such/folder/trials.db")


def test_jobs_side_by_side_share_out_cores_and_gpus(monkeypatch):
    monkeypatch.setattr("strata.sweeping.rounds.cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert [share["CUDA_VISIBLE_DEVICES"] for share in shares(3)] == ["2", "5", "2"]
    assert {share["OMP_NUM_THREADS"] for share in shares(3)} == {"2"}
    assert shares(1) == [{"OMP_NUM_THREADS": "8"}], "a training alone sees all GPUs"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert shares(2) == [{"OMP_NUM_THREADS": "4"}] * 2
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert shares(2) == [{"OMP_NUM_THREADS": "1"}] * 2, "the user's limit holds"


def test_without_a_score_the_answer_says_why(tmp_path):
    def runner(name, overrides, report):
        raise StrataError("train: out of memory")

    study = run(tmp_path, sweep(trials=2), runner)
    with pytest.raises(StrataError, match="no trial has a score yet; the last one failed: train: out of memory"):
        answer(study, tmp_path / "rows")


def test_the_answer_ties_what_rows_cannot_tell_apart_and_expects_the_best_to_fall(tmp_path):
    random = np.random.default_rng(0)

    def runner(name, overrides, report):
        one = scored(1.0, name)
        worse = 0.25 if name == "s-002" else 0.1  # the others are equally good
        label = one.rows["label"].to_numpy()
        given = np.where(random.random(ROWS) < worse, 1 - label, label)
        return one._replace(rows=one.rows.assign(probabilities=list(np.eye(2)[given] * 0.8 + 0.1)))

    result = answer(run(tmp_path, sweep(trials=8), runner), tmp_path / "rows")
    assert result.best.name != "s-002"
    assert "s-002" not in {one.name for one in result.tied}
    assert len(result.tied) > 3
    assert result.shrinkage > 0
    assert result.promised(1) < result.best.ending.score
    # label_smoothing is drawn in some trials only, and fANOVA has no importance for such a key
    assert set(result.importances) == {"train.lr", "train.batch_size", "train.schedule"}


def test_a_low_score_is_the_best_where_the_metric_is_a_loss(tmp_path):
    study = run(tmp_path, sweep(metric="loss", direction="minimize"), Trainings())
    result = answer(study, tmp_path / "rows")
    assert result.best.ending.score == min(one.ending.score for one in result.scored)
    assert result.promised(-1) >= result.best.ending.score
