"""The folds of a cross-validation, put together."""

import sys

import numpy as np
import pandas as pd
import pytest

from strata.base.errors import StrataError
from strata.commands import folds as command
from strata.labels import Labels
from strata.runs.folds import Folds, check_rows, check_settings, experiments
from strata.runs.revision import Revision
from strata.scoring import scores
from tests.test_compare import committed_run, sh

LABELS = Labels(["no", "yes"], "yes")


def run(name: str, ids: range, **changes) -> Revision:
    random = np.random.default_rng(len(name))
    label = np.array([i % 2 for i in ids])
    yes = np.clip(0.3 + 0.4 * label + random.normal(0, 0.3, len(label)), 0, 1)
    rows = pd.DataFrame({"id": list(ids), "label": label, "prediction": (yes >= 0.5).astype(int)})
    rows["probabilities"] = list(np.stack([1 - yes, yes], axis=1))
    return Revision(**{"name": name, "recipe": "sample", "source": "a.csv", "labels": LABELS, "rows": rows} | changes)


def params(fold: int, **changes) -> dict:
    return {"seed": 1, "split": {"folds": 3, "fold": fold}, "train": {"lr": 0.1}} | changes


def test_a_folder_without_dvc_is_told_in_one_sentence(tmp_path):
    with pytest.raises(
        StrataError, match=rf"^{tmp_path}: the experiments cannot be listed \(you are not inside of a DVC"
    ):
        experiments(tmp_path)


def test_folds_may_differ_in_their_fold_and_in_what_decides_no_output():
    check_settings({"a": params(0), "b": params(1, watch={"tensorboard": "logs"})})


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ({"a": params(0), "b": params(1, train={"lr": 0.2})}, r"a and b differ in train.lr, not in split.fold alone"),
        ({"a": params(0), "b": params(1, more=1)}, r"a and b differ in more, not in split.fold alone"),
        ({"a": params(1), "b": params(1)}, r"a and b are both fold 1; name one experiment for each fold"),
        ({"a": params(1), "b": {"split": {"folds": None, "fold": 0}}}, r"b: split.folds is null"),
    ],
)
def test_other_runs_are_refused(runs, sentence):
    with pytest.raises(StrataError, match=sentence):
        check_settings(runs)


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (run("b", range(9, 20)), r"1 rows are test rows of more than one fold, the first with id 9"),
        (run("b", range(10, 20), source="b.csv"), r"a and b have another recipe, source or labels"),
        (
            run("b", range(10, 20), labels=Labels(["yes", "no"], "yes")),
            r"a and b have another recipe, source or labels",
        ),
    ],
)
def test_folds_share_their_data_and_no_row(other, sentence):
    with pytest.raises(StrataError, match=sentence):
        check_rows({0: run("a", range(10)), 1: other})


def test_the_pooled_score_is_of_all_rows_and_the_spread_is_between_folds(monkeypatch, capsys):
    runs = {0: run("one", range(40)), 2: run("three", range(40, 100))}
    monkeypatch.setattr(command, "read_folds", lambda project, names: Folds(runs, 3))
    monkeypatch.setattr(command, "add_project", lambda parsed: parsed.set_defaults(project=None))
    command.main([])
    printed = capsys.readouterr().out
    assert "folds: 2 of 3 folds, 100 test rows, each in one fold" in printed
    assert "folds: missing: 1; the figures are of the others" in printed
    of_fold = [
        scores(r.rows["label"].to_numpy(), np.stack(r.rows["probabilities"]), 1, r.rows["prediction"].to_numpy())
        for r in runs.values()
    ]
    rows = pd.concat([r.rows for r in runs.values()])
    pooled = (rows["label"] == rows["prediction"]).mean()
    values = [scored["accuracy"] for scored in of_fold]
    expected = [np.mean(values), np.std(values, ddof=1), min(values), max(values), pooled]
    line = next(line for line in printed.splitlines() if line.split()[:1] == ["accuracy"])
    assert line.split()[1:6] == [f"{value:.4f}" for value in expected]
    assert all(len(line) <= 100 for line in printed.splitlines())


STAGE = """
import json
from pathlib import Path
import numpy as np, pandas as pd
from strata.settings.yaml_loader import read_yaml
split = read_yaml(Path("params.yaml"))["split"]
ids = np.arange(120)
ids = ids[ids % 3 == split["fold"]] if split["folds"] else ids[:40]
label = ids // 3 % 2
yes = np.clip(0.3 + 0.4 * label + np.random.default_rng(0).normal(0, 0.3, len(ids)), 0, 1)
rows = pd.DataFrame({"id": ids, "split": "test", "label": label, "prediction": (yes >= 0.5).astype(int)})
rows["probabilities"] = list(np.stack([1 - yes, yes], axis=1))
for folder in ("data/evaluate", "data/standardize"):
    Path(folder).mkdir(parents=True, exist_ok=True)
rows.to_parquet("data/evaluate/predictions.parquet")
Path("data/standardize/labels.json").write_text(json.dumps({"labels": ["no", "yes"], "positive": "yes"}))
"""
PIPELINE = """
stages:
  evaluate:
    cmd: python stage.py
    deps: [stage.py]
    params: [split]
    outs: [data/evaluate, data/standardize]
"""


@pytest.mark.slow
def test_the_experiments_of_a_cross_validation_are_found_and_pooled(tmp_path):
    params = "recipe: sample\nsplit:\n  folds: null\n  fold: 0\n"
    folder = committed_run(tmp_path / "project", STAGE, PIPELINE, params)
    strata = (sys.executable, "-m", "strata", "folds")
    assert "folds: no experiment on the last commit sets split.folds; run the folds first" in sh(
        folder, *strata, fails=True
    )
    for fold in range(3):
        sh(folder, "dvc", "exp", "run", "--quiet", "-n", f"f{fold}", "-S", "split.folds=3", "-S", f"split.fold={fold}")
    printed = sh(folder, *strata)
    assert "folds: 3 of 3 folds, 120 test rows, each in one fold" in printed
    assert [line.split()[:3] for line in printed.splitlines()[2:5]] == [[str(i), f"f{i}", "40"] for i in range(3)]
    assert "folds: missing: 1;" in sh(folder, *strata, "f0", "f2")
