"""Sweeps: what is accepted, and the sentence for what is not; and settings with other values."""

import pytest
from ruamel.yaml import YAML

from strata.base.errors import StrataError
from strata.settings.overrides import described, rewritten
from strata.settings.sweep import combinations
from strata.settings.sweep_reader import check_sweep, read_sweep
from strata.settings.yaml_loader import parse_yaml, read_yaml
from strata.sweeping.starting_point import differences, settings_of_trial
from tests.conftest import committed

SEARCH = {
    "search": {"train.lr": {"low": 1.0e-5, "high": 1.0e-3, "log": True}, "train.batch_size": [8, 16]},
    "metric": "accuracy",
    "direction": "maximize",
    "sampler": "tpe",
    "trials": 10,
    "pruner": "median",
    "round": 2,
    "seed": 1,
}
RUNS = {"runs": {"base": {}, "small": {"train.lr": 1e-5}}, "metric": "accuracy", "direction": "maximize"}


def read(project, content):
    path = project.root / "sweeps/s.yaml"
    path.parent.mkdir(exist_ok=True)
    YAML().dump(content, path)
    sweep = read_sweep(path)
    check_sweep(sweep, path, read_yaml(project.root / "params.yaml"), project.root / "recipes")
    return sweep


def search(**keys):
    return SEARCH | {"search": SEARCH["search"] | {key.replace("__", "."): value for key, value in keys.items()}}


def without(content, key):
    return {name: value for name, value in content.items() if name != key}


def test_a_search_and_named_runs_are_read(project):
    assert read(project, SEARCH).search["train.batch_size"].choices == [8, 16]
    assert read(project, RUNS).runs["small"] == {"train.lr": 1e-5}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (search(train__lrr=[1]), r"sweeps/s.yaml: search: unknown key train.lrr; did you mean train.lr\?"),
        (search(train__epochs=[1, "two"]), r"search: train.epochs is 'two' \(str\)"),
        (search(train__epochs={"low": 1, "high": 3.5}), r"search: train.epochs is 3.5 \(float\)"),
        (search(train__warmup={"low": 0.0, "high": 1.0}), r"search: train.warmup is 1.0 \(float\).*less than 1"),
        (search(train__lr={"low": 1, "high": 1}), r"search.train.lr: low is 1, must be below high \(1\)"),
        (search(train__lr={"low": 0.0, "high": 1.0, "log": True}), r"low is 0.0, must be above 0 for a log scale"),
        (search(train__lr={"low": 1.0}), r"search.train.lr: high is missing"),
        (search(train__lr={"low": 1.0, "hihg": 2.0}), r"search.train.lr: unknown key hihg; did you mean high\?"),
        (search(train__lr=3e-5), r"search.train.lr: 3e-05 is neither a range.*nor a list of choices"),
        (search(train__lr=[]), r"search.train.lr: choices is \[\]"),
        (search(split__test=[0.1, 0.2]), r"search.split.test: a search varies model, resample, tokenize, adapt, train"),
        (search(model__kind=["transformer", "tfidf"]), r"search.model.kind: which kind ships does not affect"),
        (RUNS | {"runs": {"a": {"model.kind": "tfidf"}}}, r"runs.a.model.kind: which kind ships does not affect"),
        (search(evaluate__goal=["f1"]), r"search.evaluate.goal: a search varies"),
        (search(seed=[1, 2]), r"search.seed: a search varies"),
        (
            search(train__schedule={"choices": ["cosine"], "when": {"train.warmup": 0.1}}),
            r"search.train.schedule names train.warmup in its when; name a key of the search above it",
        ),
        (
            search(train__schedule=["linear"], train__warmup={"choices": [0.1], "when": {"train.schedule": "cosine"}}),
            r"search.train.warmup is drawn only when train.schedule is 'cosine', a value that the search never draws",
        ),
        (
            search(
                train__schedule=["linear", "cosine"],
                train__epochs={"choices": [1, 2], "when": {"train.schedule": "cosine"}},
                train__warmup={"choices": [0.1], "when": {"train.epochs": 2, "train.schedule": "linear"}},
            ),
            r"search.train.warmup is never drawn: the values in its when never occur together",
        ),
        (
            search(
                train__schedule=["linear", "cosine"],
                train__epochs={"choices": [1, 2], "when": {"train.schedule": "cosine"}},
                train__warmup={"choices": [7], "when": {"train.epochs": 2}},
            ),
            r"search: train.warmup is 7 \(int\)",
        ),
        (
            search(
                train__warmup={"low": 0.0, "high": 0.3}, train__epochs={"choices": [1], "when": {"train.warmup": 0.1}}
            ),
            r"search.train.epochs is drawn only when train.warmup is 0.1, but train.warmup is a range of fractions",
        ),
        (SEARCH | {"direction": "minimize"}, r"direction is minimize, must be maximize for accuracy"),
        (SEARCH | {"metric": "loss"}, r"direction is maximize, must be minimize for loss"),
        (SEARCH | {"metric": "acuracy"}, r"metric is 'acuracy'"),
        (SEARCH | {"sampler": "grid"}, r"search.train.lr is a range, and sampler grid needs choices"),
        (SEARCH | {"trials": None}, r"trials and minutes are both null; set one of them"),
        (SEARCH | {"smapler": "tpe"}, r"unknown key smapler; did you mean sampler\?"),
        (SEARCH | {"folds": 1}, r"folds is 1 \(int\)"),
        (without(SEARCH, "seed"), r"seed is missing; Seed of the draws"),
        (SEARCH | {"runs": {"a": {}}}, r"s.yaml: has runs and search; a sweep has one of them"),
        ({"metric": "accuracy"}, r"s.yaml: has neither runs nor search; a sweep has one of them"),
        (RUNS | {"runs": {"a": {"recipe": "sampel"}}}, r"runs.a: recipe is 'sampel', but .* did you mean sample\?"),
        (RUNS | {"runs": {"a": {"train.lr": -1}}}, r"runs.a: train.lr is -1 \(int\)"),
        (RUNS | {"trials": 3}, r"unknown key trials"),
        (RUNS | {"runs": {"a": {"Train.LR": 1}}}, r"s.yaml: runs.a: the key 'Train.LR': string should match"),
        (RUNS | {"runs": {"a": {}, "b": 5}}, r"s.yaml: runs.b is 5 \(int\)"),
    ],
)
def test_what_cannot_be_run_is_told_with_its_place(project, content, sentence):
    with pytest.raises(StrataError, match=sentence):
        read(project, content)


def test_folds_that_the_split_does_not_allow_are_refused(project):
    project.params(split={"folds": 3})
    with pytest.raises(
        StrataError,
        match=r"s.yaml: folds is 2, which .*: split: folds is 3 and validation_folds is 2;",
    ):
        read(project, SEARCH | {"folds": 2})


def test_values_are_checked_together_with_what_they_are_drawn_with(project):
    keys = {
        "resample.strategy": ["none", "factors"],
        "resample.factors": {"choices": [{"negative": 2, "positive": 1}], "when": {"resample.strategy": "factors"}},
    }
    balanced = SEARCH | {"search": keys, "pruner": "none"}
    assert len(read(project, balanced).search) == 2
    keys["resample.factors"]["choices"] = [{"negative": 2, "positve": 1}]
    with pytest.raises(StrataError, match=r"search: resample.factors names the label 'positve'"):
        read(project, balanced)


@pytest.mark.parametrize(
    ("key", "choices"), [("resample.strategy", ["none", "oversample"]), ("train.class_weights", ["none", "balanced"])]
)
def test_scores_that_balancing_shifts_are_not_pruned_by(project, key, choices):
    balanced = SEARCH | {"search": {key: choices}}
    with pytest.raises(StrataError, match=f"compare scores on the way that {key} shifts; set pruner: none"):
        read(project, balanced)
    assert read(project, balanced | {"folds": 2}).pruner == "median"


def test_a_sweep_that_is_not_there_is_told_with_the_nearest(project):
    read(project, SEARCH)
    with pytest.raises(StrataError, match=r"learning.yaml: no such file"):
        read_sweep(project.root / "sweeps/learning.yaml")


def test_combinations_leave_out_a_key_whose_condition_does_not_hold(project):
    keys = {"train.lora_rank": [0, 8], "train.lora_alpha": {"choices": [8, 16], "when": {"train.lora_rank": 8}}}
    assert combinations(read(project, SEARCH | {"search": keys}).search) == [
        {"train.lora_rank": 0},
        {"train.lora_rank": 8, "train.lora_alpha": 8},
        {"train.lora_rank": 8, "train.lora_alpha": 16},
    ]


def test_a_trial_sets_every_key_of_its_sweep(project):
    """A run without changes resets what other runs change, whatever params.yaml now has."""
    runs = {"base": {}, "twice": {"resample.strategy": "factors", "resample.factors": {"negative": 2, "positive": 1}}}
    sweep, began = read(project, RUNS | {"runs": runs}), read_yaml(project.root / "params.yaml")
    assert settings_of_trial(sweep, began, {}) == {"resample.strategy": "none", "resample.factors": None}
    assert settings_of_trial(sweep, began, runs["twice"]) == runs["twice"]


def test_settings_that_trials_set_or_do_not_read_may_change_while_a_search_goes_on(project):
    params, pipeline = project.root / "params.yaml", project.root / "dvc.yaml"
    sweep, began = read(project, SEARCH), read_yaml(params)
    project.params(train={"lr": 1.0e-4}, evaluate={"behaviour_rows": 9}, quantize={"cascade": True})
    assert differences(began, params, pipeline, sweep) == {}
    project.params(seed=9, train={"weight_decay": 0.5}, split={"test": 0.3})
    assert differences(began, params, pipeline, sweep) == {
        "seed": began["seed"],
        "split.test": began["split"]["test"],
        "train.weight_decay": began["train"]["weight_decay"],
    }


def test_rewritten_settings_keep_their_comments_and_all_other_values():
    text = committed("params.yaml")
    overrides = {
        "train.lr": 3.1e-05,
        "train.class_weights": {"R&D": 2.0, "a.b": 1.0},
        "train.patience": None,
        "seed": 7,
    }
    after = rewritten(text, overrides)
    before, content = parse_yaml(text), parse_yaml(after)
    assert content["train"]["lr"] == 3.1e-05
    assert content["train"]["class_weights"] == {"R&D": 2.0, "a.b": 1.0}
    assert content["train"]["patience"] is None
    assert content["seed"] == 7
    before["train"] |= {key: content["train"][key] for key in ("lr", "class_weights", "patience")}
    assert content == before | {"seed": 7}
    assert after.count("#") == text.count("#")


def test_only_the_values_change_where_settings_are_written_in_another_style():
    text = """\
# of a run
---
train:
  teacher: # why
  - x
  - y   # two
  # how much
  teacher_weight: 0.5 # w
  factors:
    a: 1
    b: [2,
        3]
  # counts come next
  counts:
  schedule: |
    linear

# the next section
tokenize: {window: head, lengths: "x"} # in one line
seed: 42
"""
    overrides = {
        "train.teacher": ["models/a, b", "c"],
        "train.factors": None,
        "train.counts": {"p": 2},
        "train.schedule": "no",
        "tokenize.window": [1, True],
        "seed": 5e-05,
    }
    assert (
        rewritten(text, overrides)
        == """\
# of a run
---
train:
  teacher: ['models/a, b', c] # why   # two
  # how much
  teacher_weight: 0.5 # w
  factors: null
  # counts come next
  counts: {p: 2}
  schedule: no

# the next section
tokenize: {window: [1, true], lengths: "x"} # in one line
seed: 5e-05
"""
    )


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("train: {lr: 1, b: 2, a:}\n", "train: {lr: 1, b: 2, a: 5}\n"),
        ("train:\n  lr: 3.0e-5\n  a: [1,\n    2] # two\n", "train:\n  lr: 3.0e-5\n  a: 5 # two\n"),
        ("train:\r\n  lr: 3.0e-5\r\n  a: x\r\n", "train:\r\n  lr: 3.0e-5\r\n  a: 5\r\n"),
        ("train:\n  a:\n    x: 1\n    y:\n  lr: 1\n", "train:\n  a: 5\n  lr: 1\n"),
        ("train:\n  a: x\u00a0\n  lr: 1\n", "train:\n  a: 5\n  lr: 1\n"),
        ("train:\n  lr: &lr 1\n  a: 2\nadapt: *lr\n", "train:\n  lr: &lr 1\n  a: 5\nadapt: *lr\n"),
    ],
)
def test_a_value_that_stays_equal_keeps_its_spelling(text, after):
    lr = parse_yaml(text)["train"]["lr"]
    assert rewritten(text, {"train.lr": lr, "train.a": 5}) == after


@pytest.mark.parametrize("key", ["train.lr", "adapt.lr"])
def test_a_value_that_is_shared_by_an_anchor_is_not_replaced(key):
    with pytest.raises(StrataError, match=rf"cannot replace {key} in its text; write its value on one line, without"):
        rewritten("train: {lr: &lr 1}\nadapt: {lr: *lr}\n", {key: 2})


def test_settings_are_described_in_the_order_of_their_keys():
    assert described({"train.lr": 3e-05, "train.teacher": None}) == "train.lr=3e-05, train.teacher=null"
    assert described({}) == "nothing changed"
