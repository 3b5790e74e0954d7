"""Whether a run repeats the one that Git records: each answer, in a small repository."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from strata.base.errors import StrataError
from strata.commands import verify
from tests.conftest import ROOT

ENV = os.environ | {
    **{f"GIT_{who}_{what}": "tester@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
}
HEAD = "model,split,metric,value,low,high\n"
SCORES = {
    "accuracy": (0.847, 0.831, 0.865),
    "ece": (0.01, 0.018, 0.043),  # below its interval, since bootstrapped errors are larger
    "f1_macro": (0.846, 0.83, 0.864),
    "roc_auc": (None, None, None),
}
LOCK = """schema: '2.0'
stages:
  ingest:
    cmd: python -m stages.ingest
    deps:
    - path: data/raw/sample
      md5: {raw}.dir
    - path: stages/ingest.py
      md5: {code}
    outs:
    - path: data/ingest
      md5: 33.dir
  train:
    cmd: python -m stages.train
    deps:
    - path: data/ingest/train.parquet
      md5: {made}
    - path: recipes/sample.yaml
      md5: {recipe}
    params:
      params.yaml:
        train.lr: {lr}
"""
MADE = {"raw": "11", "code": "22", "recipe": "23", "made": "44", "lr": "8e-05"}


def git(folder, *argv):
    subprocess.run(["git", *argv], cwd=folder, env=ENV, capture_output=True, check=True)


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def scores(model, splits=("test",), **changes):
    """A table of scores as it is recorded, or with some values changed."""
    lines = [
        (model, split, name, changes.get(name, value), *ends)
        for split in splits
        for name, (value, *ends) in SCORES.items()
    ]
    return HEAD + "".join(",".join("" if cell is None else str(cell) for cell in line) + "\n" for line in lines)


RECORDED = {
    "plots/baseline/scores.csv": scores("tfidf", ("test", "validation")),
    "plots/evaluate/scores.csv": scores("fp32"),
    "plots/quantize/scores.csv": scores("int8"),
    "metrics/evaluate.json": {"accuracy": 0.847, "rows": 1706},
    "metrics/split.json": {"test": {"rows": 1706, "labels": {"no": 853, "yes": 853}}, "share": 0.2},
}


@pytest.fixture
def project(tmp_path):
    """A project whose run is committed, in a folder of its repository."""
    folder = tmp_path / "repository/project"
    (folder / "data/ingest").mkdir(parents=True)
    for name, content in RECORDED.items():
        write(folder, name, content)
    write(folder, "plots/evaluate/roc.csv", "x,y\n0,0.5\n")
    write(folder, "params.yaml", "recipe: sample\ntrain:\n  lr: 8.0e-5 # peak\nwatch: null\n")
    write(folder, "recipes/sample.yaml", "labels: {no: 0, yes: 1}\n")
    write(folder, "dvc.yaml", "stages: {}\n")
    write(folder, "dvc.lock", LOCK.format(**MADE))
    write(folder, "stages/ingest.py", "a = 1\n")
    git(folder.parent, "init", "--quiet")
    git(folder.parent, "add", "--all")
    git(folder.parent, "commit", "--quiet", "--message", "Record a run")
    return folder


def answer(project, capsys) -> str:
    verify.main(["--project", str(project)])
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 1
    return printed


def test_the_recorded_run_is_recognised_whatever_else_lies_there(project, capsys):
    for name in ("notes.txt", "recipes/mine.yaml", "stages/mine.py", "metrics/mine.json", "plots/report/a.svg"):
        write(project, name, "mine")
    write(project, "README.md", "edited")
    assert answer(project, capsys) == (
        "verify: the recorded run, byte for byte (7 files of metrics/, plots/ and dvc.lock)\n"
    )


def test_another_cpu_agrees_within_the_intervals(project, capsys):
    write(project, "plots/evaluate/scores.csv", scores("fp32", accuracy=0.846, ece=0.02))
    write(project, "plots/evaluate/roc.csv", "x,y\n0,0.4\n")
    write(project, "dvc.lock", LOCK.format(**MADE | {"made": "55"}))
    assert answer(project, capsys) == (
        "verify: agrees with the recorded run: accuracy and macro F1 on test rows (6 scores) lie inside their recorded "
        "95% intervals; of 6 other scores, 0 lie outside theirs; 3 of 7 files differ, as is normal on another CPU\n"
    )


def test_scores_that_depend_on_where_training_stopped_decide_nothing(project, capsys):
    write(project, "plots/evaluate/scores.csv", scores("fp32", ece=0.09))
    write(
        project,
        "plots/baseline/scores.csv",
        scores("tfidf", ("test",)) + scores("tfidf", ("validation",), accuracy=0.7)[len(HEAD) :],
    )
    assert "(6 scores) lie inside their recorded 95% intervals; of 6 other scores, 2 lie outside theirs" in answer(
        project, capsys
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"accuracy": 0.829},
            r"plots/evaluate/scores.csv: fp32 test accuracy is 0.829, recorded 0.847 \(0.831 to 0.865\)",
        ),
        ({"accuracy": None}, r"accuracy is undefined, recorded 0.847 "),
        ({"f1_macro": 0.82}, r"f1_macro is 0.82, recorded 0.846 "),
    ],
)
def test_a_score_outside_its_interval_is_named(project, changes, sentence):
    write(project, "plots/evaluate/scores.csv", scores("fp32", **changes))
    with pytest.raises(StrataError, match=rf"this run does not repeat the recorded one: .*{sentence}.*; see git diff"):
        verify.main(["--project", str(project)])


def test_other_counts_are_named(project):
    write(project, "metrics/evaluate.json", {"accuracy": 0.847, "rows": 1705})
    with pytest.raises(StrataError, match=r"metrics/evaluate.json: rows is 1705, recorded 1706"):
        verify.main(["--project", str(project)])
    write(project, "metrics/split.json", {"test": {"rows": 1706, "labels": {"no": 852, "yes": 853}}, "share": 0.2})
    with pytest.raises(StrataError, match=r"metrics/split.json: test.labels is \{'no': 852, 'yes': 853\}, recorded"):
        verify.main(["--project", str(project)])


def test_the_exit_code_tells_as_well(project):
    argv = [sys.executable, "-m", "strata", "verify"]
    env = ENV | {"PYTHONPATH": str(ROOT)}
    assert subprocess.run(argv, cwd=project, env=env, capture_output=True, check=False).returncode == 0
    write(project, "plots/evaluate/scores.csv", scores("fp32", accuracy=0.5))
    done = subprocess.run(argv, cwd=project, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("verify: this run does not repeat the recorded one: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("params.yaml", "recipe: other\n", "other settings (recipe other instead of sample)"),
        ("params.yaml", "recipe: sample\ntrain:\n  lr: 1.0e-5\nwatch:\n", "other settings (params.yaml)"),
        ("recipes/sample.yaml", "labels: {yes: 1, no: 0}\n", "other settings (recipes/sample.yaml)"),
        ("stages/ingest.py", "a = 2\n", "other code (stages/ingest.py)"),
        ("dvc.yaml", "stages: {a: {cmd: b}}\n", "other code (dvc.yaml)"),
        ("dvc.lock", LOCK.format(**MADE | {"lr": "1e-05"}), "other settings (params.yaml: train.lr)"),
        ("dvc.lock", LOCK.format(**MADE | {"raw": "99"}), "other source data (data/raw/sample)"),
        (
            "dvc.lock",
            LOCK.format(**MADE | {"lr": "1e-05", "code": "55"}),
            "other settings (params.yaml: train.lr), other code (stages/ingest.py)",
        ),
    ],
)
def test_another_run_is_told_and_is_no_error(project, capsys, name, content, said):
    write(project, name, content)
    write(project, "plots/evaluate/scores.csv", scores("fp32", accuracy=0.5))
    assert answer(project, capsys) == (
        f"verify: another run than the recorded one: {said}; there is nothing to compare\n"
    )


def test_settings_that_mean_the_same_are_the_same(project, capsys):
    """`dvc exp run` writes params.yaml anew."""
    write(project, "params.yaml", "recipe: sample\ntrain: {lr: 8e-05}\nwatch:\n")
    write(project, "dvc.lock", LOCK.format(**MADE | {"recipe": "24"}))
    assert "verify: agrees with the recorded run" in answer(project, capsys)


def test_a_clone_without_outputs_is_no_run(project):
    (project / "data/ingest").rmdir()
    with pytest.raises(StrataError, match=r"^data/ingest missing, so the run is not complete; dvc repro, or dvc pull"):
        verify.main(["--project", str(project)])


def test_a_recorded_run_of_other_code_is_another_run(project, capsys):
    write(project, "dvc.lock", LOCK.format(**MADE | {"code": "55"}))
    assert "another run than the recorded one: other code (stages/ingest.py);" in answer(project, capsys)


def test_without_git_or_a_recorded_run_there_is_nothing_to_compare(project, capsys, monkeypatch):
    git(project, "rm", "--quiet", "--cached", "dvc.lock", "plots/evaluate/scores.csv")
    git(project, "commit", "--quiet", "--message", "Record nothing")
    nothing = "verify: nothing to compare with: "
    assert answer(project, capsys) == f"{nothing}the last commit holds no dvc.lock and no plots/evaluate/scores.csv\n"
    shutil.rmtree(project.parent / ".git")
    assert answer(project, capsys) == f"{nothing}no Git commit is here\n"
    monkeypatch.setenv("PATH", str(project))
    assert answer(project, capsys) == f"{nothing}no Git commit is here\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("metrics/evaluate.json", None, r"metrics/evaluate.json: no such file; dvc repro"),
        ("metrics/evaluate.json", "{", r"metrics/evaluate.json: not a readable JSON file"),
        ("plots/evaluate/scores.csv", None, r"plots/evaluate/scores.csv: no such file; dvc repro"),
        ("plots/evaluate/scores.csv", "a,b\n1,2\n", r"plots/evaluate/scores.csv: not a table of scores"),
        ("dvc.lock", None, r"dvc.lock: no such file; dvc repro"),
        ("dvc.lock", "a: [", r"dvc.lock, line 1: not valid YAML"),
    ],
)
def test_a_run_that_is_not_whole_is_told(project, name, content, sentence):
    (project / name).unlink() if content is None else write(project, name, content)
    with pytest.raises(StrataError, match=sentence):
        verify.main(["--project", str(project)])


def test_the_committed_run_of_this_project_is_read(capsys):
    """Whatever the workspace holds, the intervals of the recorded metrics are found."""
    from strata.runs.recorded import SCORES as FILES
    from strata.runs.recorded import Head, _scores

    head = Head(ROOT)
    if head.git("rev-parse", "HEAD") is None:
        pytest.skip("no Git commit is here")
    for path in FILES:
        assert len(_scores(head.read(path), path)) >= 14
