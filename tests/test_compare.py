"""Two runs on the test rows that they share."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from strata.base.errors import StrataError
from strata.commands import compare
from strata.labels import Labels
from strata.runs.revision import Revision
from strata.runs.shared_rows import shared_rows, units
from tests.conftest import ROOT

LABELS = Labels(["no", "yes"], "yes")


def run(name: str, ids: list[int], **changes) -> Revision:
    rows = pd.DataFrame({"id": ids, "label": [i % 2 for i in ids]})
    rows = rows.assign(prediction=rows["label"], probabilities=[[0.5, 0.5]] * len(ids))
    return Revision(**{"name": name, "recipe": "sample", "source": "a.csv", "labels": LABELS, "rows": rows} | changes)


def test_rows_are_joined_by_id_not_by_position():
    both = shared_rows(run("one", [5, 2, 9, 4]), run("other", [9, 5, 7]))
    assert both["id"].tolist() == [5, 9]
    assert both["label"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recipe": "office"}, r"one and other have recipes sample and office; compare runs of one recipe"),
        ({"source": "b.csv"}, r"one and other: recipes/sample.yaml names other sources"),
        (
            {"labels": Labels(["yes", "no"], "yes")},
            r"have labels no, yes \(positive: yes\) and yes, no \(positive: yes",
        ),
        ({"ids": [1, 3]}, r"one and other share no test row; their splits differ"),
    ],
)
def test_runs_of_something_else_are_refused(changes, sentence):
    with pytest.raises(StrataError, match=sentence):
        shared_rows(run("one", [2, 4]), run("other", **({"ids": [2, 4]} | changes)))


def test_rows_whose_label_has_changed_are_refused():
    other = run("other", [1, 2, 3])
    other.rows["label"] = [1, 1, 1]
    with pytest.raises(StrataError, match=r"1 of 3 shared rows have different labels, the first with id 2; "):
        shared_rows(run("one", [1, 2, 3]), other)


def test_clusters_of_the_later_run_are_drawn_together_where_it_has_them():
    one, other = run("one", [1, 2, 3]), run("other", [1, 2, 3])
    assert units(shared_rows(one, other)).tolist() == [1, 2, 3]
    one.rows["unit"] = [5, 5, 6]
    assert units(shared_rows(one, other)).tolist() == [5, 5, 6]
    other.rows["unit"] = [7, 8, 8]
    assert units(shared_rows(one, other)).tolist() == [7, 8, 8]


# what evaluate and standardize write, made in a moment; `sure` moves the probabilities towards the truth
STAGE = """
import json
from pathlib import Path
import numpy as np, pandas as pd
from strata.settings.yaml_loader import read_yaml
params = read_yaml(Path("params.yaml"))
random = np.random.default_rng(0)
label = random.integers(0, 2, 400)
yes = np.clip(0.3 + 0.4 * label + random.normal(0, 0.3, 400) * (1 - params["sure"]), 0, 1)
rows = pd.DataFrame({"id": np.arange(400), "split": "test", "label": label, "prediction": (yes >= 0.5).astype(int)})
rows["probabilities"] = list(np.stack([1 - yes, yes], axis=1))
rows.loc[:19, "split"] = "validation"
for folder in ("data/evaluate", "data/standardize"):
    Path(folder).mkdir(parents=True, exist_ok=True)
rows[params["skip"]:].to_parquet("data/evaluate/predictions.parquet")
Path("data/standardize/labels.json").write_text(json.dumps({"labels": ["no", "yes"], "positive": "yes"}))
"""
PIPELINE = """
stages:
  evaluate:
    cmd: python stage.py
    deps: [stage.py]
    params: [sure, skip]
    outs: [data/evaluate, data/standardize]
"""
ENV = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT),
    **{f"GIT_{who}_{what}": "tester@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def sh(folder: Path, *argv: str, fails: bool = False) -> str:
    done = subprocess.run(argv, cwd=folder, env=ENV, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def committed_run(folder: Path, stage: str, pipeline: str, params: str) -> Path:
    """Make a project of one stage, run it and commit it. stage, pipeline, params: what its three files hold."""
    (folder / "recipes").mkdir(parents=True)
    for name, text in (
        ("stage.py", stage),
        ("dvc.yaml", pipeline),
        ("params.yaml", params),
        ("recipes/sample.yaml", "source: {train: a.csv}\n"),
    ):
        (folder / name).write_text(text)
    sh(folder, "git", "init", "--quiet", "--initial-branch", "main")
    sh(folder, "dvc", "init", "--quiet")
    sh(folder, "dvc", "repro", "--quiet")
    sh(folder, "git", "add", "--all")
    sh(folder, "git", "commit", "--quiet", "--message", "One")
    return folder


def against(folder: Path, *revisions: str, fails: bool = False) -> str:
    return sh(folder, sys.executable, "-m", "strata", "compare", *revisions, fails=fails)


@pytest.mark.slow
def test_commits_experiments_and_the_workspace_are_compared(tmp_path):
    folder = committed_run(tmp_path / "project", STAGE, PIPELINE, "recipe: sample\nsure: 0.0\nskip: 0\n")
    sh(folder, "dvc", "exp", "run", "--quiet", "--name", "surer", "--set-param", "sure=0.6")
    sh(folder, "dvc", "exp", "run", "--quiet", "--name", "fewer", "--set-param", "sure=0", "--set-param", "skip=60")

    printed = against(folder, "HEAD")
    assert "compare: 340 test rows in both, 40 more in HEAD, 0 more in workspace" in printed
    assert "accuracy of workspace against HEAD: no difference: both are right on the same rows" in printed
    forth, back = against(folder, "HEAD", "surer"), against(folder, "surer", "HEAD")
    words = forth.split("against HEAD: ")[1].strip()
    assert words.startswith("better by ")
    assert back.strip().endswith(words.replace("better", "worse"))
    assert "brier, lower is better" in forth
    assert "380 test rows in both, 0 more in HEAD, 0 more in surer" in forth

    printed = against(folder, "nonsense", fails=True)
    assert "compare: nonsense: no such Git revision or DVC experiment" in printed
    assert len(printed.splitlines()) == 1
    elsewhere = against(tmp_path, "HEAD", "surer", "--project", "project")
    assert elsewhere == forth
    printed = against(tmp_path, "HEAD", fails=True)
    assert f"compare: {tmp_path}: not a Strata project (dvc.yaml and params.yaml missing); run this in" in printed
    for name, sentence in (
        ("HEAD:params.yaml", "HEAD:params.yaml: is a file or folder, not a revision; name a commit, such as HEAD"),
        ("HEAD^{tree}", "HEAD^{tree}: is a file or folder, not a revision"),
        ("", "a revision without a name; name a Git revision or a DVC experiment"),
    ):
        printed = against(folder, name, fails=True)
        assert printed.startswith(f"compare: {sentence}")
        assert len(printed.splitlines()) == 1
    shutil.rmtree(folder / ".dvc/cache")
    printed = against(folder, "HEAD", fails=True)
    assert (
        "compare: HEAD: data/standardize/labels.json: in neither Git, DVC's cache nor its remote; dvc pull" in printed
    )
    assert len(printed.splitlines()) == 1
    shutil.rmtree(folder / "data")
    assert "compare: data/standardize/labels.json: no such file; dvc checkout, or dvc repro" in against(
        folder, "workspace", "workspace", fails=True
    )


def test_the_table_says_what_is_undefined(tmp_path, capsys):
    ids = np.arange(30)
    positive = np.where(ids % 3, 0.2, 0.8)
    rows = pd.DataFrame({"id": ids, "split": "test", "label": 0, "prediction": (positive > 0.5).astype(int)})
    rows["probabilities"] = list(np.stack([1 - positive, positive], axis=1))
    for folder in ("data/evaluate", "data/standardize", "recipes"):
        (tmp_path / folder).mkdir(parents=True)
    rows.to_parquet(tmp_path / "data/evaluate/predictions.parquet")
    (tmp_path / "data/standardize/labels.json").write_text(json.dumps({"labels": ["no", "yes"], "positive": "yes"}))
    (tmp_path / "params.yaml").write_text("recipe: sample\n")
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "recipes/sample.yaml").write_text("source: {train: a.csv}\n")
    compare.main(["workspace", "--project", str(tmp_path)])
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["roc_auc"] == ["undefined"] * 3
    assert lines["accuracy"][:3] == ["0.6667", "0.6667", "+0.0000"]
