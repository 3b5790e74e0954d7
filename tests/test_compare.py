"""Two runs on the test rows that they share."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_fscore_support

from strata.base.errors import StrataError
from strata.commands import compare
from strata.labels import Labels
from strata.runs.ensemble import ensemble
from strata.runs.revision import Revision, threshold
from strata.runs.shared_rows import shared_rows, units
from tests.conftest import ROOT

LABELS = Labels(["no", "yes"], "yes")


def run(name: str, ids: list[int], **changes) -> Revision:
    rows = pd.DataFrame({"id": ids, "label": [i % 2 for i in ids]})
    rows = rows.assign(prediction=rows["label"], probabilities=[[0.5, 0.5]] * len(ids))
    return Revision(**{"name": name, "recipe": "sample", "source": "a.csv", "labels": LABELS, "rows": rows} | changes)


def test_rows_are_joined_by_id_not_by_position():
    for rows in shared_rows(run("one", [5, 2, 9, 4]), run("other", [9, 5, 7])):
        assert rows["id"].tolist() == [5, 9]
        assert rows["label"].tolist() == [1, 1]


def test_rows_of_several_runs_are_those_of_all():
    first, *others = (run(name, ids) for name, ids in (("a", [1, 2, 3, 4]), ("b", [4, 3, 2]), ("c", [9, 3, 4])))
    assert [rows["id"].tolist() for rows in shared_rows(first, *others)] == [[3, 4]] * 3
    with pytest.raises(StrataError, match=r"^a, b and d share no test row; their splits differ"):
        shared_rows(first, others[0], run("d", [1]))
    others[1].rows["label"] = 0
    with pytest.raises(StrataError, match=r"^a and c: 1 of 2 shared rows have different labels, the first with id 3;"):
        shared_rows(first, *others)


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


def test_a_row_that_occurs_twice_is_not_joined():
    with pytest.raises(ValueError, match="duplicate"):
        shared_rows(run("one", [1, 2, 2]), run("other", [1, 2]))


def test_clusters_of_the_later_run_are_drawn_together_where_it_has_them():
    one, other = run("one", [1, 2, 3]).rows, run("other", [1, 2, 3]).rows
    assert units(other, one).tolist() == [1, 2, 3]
    one["unit"] = [5, 5, 6]
    assert units(other, one).tolist() == [5, 5, 6]
    other["unit"] = [7, 8, 8]
    assert units(other, one).tolist() == [7, 8, 8]


def with_probability(*of_runs: list[float]) -> dict[str, np.ndarray]:
    """Return probabilities of runs named a, b, ... of_runs: the positive label's, a list a run."""
    return {chr(ord("a") + i): np.stack([1 - np.array(yes), yes], axis=1) for i, yes in enumerate(of_runs)}


def test_an_ensemble_has_the_mean_of_the_probabilities():
    mean = ensemble(with_probability([0.9, 0.4, 0.5], [0.7, 0.5, 0.0], [0.2, 0.9, 0.1]), dict.fromkeys("abc"), 1)
    assert mean.probabilities[:, 1] == pytest.approx([0.6, 0.6, 0.2])
    assert mean.predicted.tolist() == [1, 1, 0]
    assert mean.rule == "each row gets its most probable label"


@pytest.mark.parametrize(
    ("thresholds", "predicted", "rule"),
    [
        (
            {"a": 0.3, "b": 0.3},
            [1, 1, 0],
            "the positive label is predicted at 0.3000 or more, the threshold of all its runs",
        ),
        (
            {"a": 0.3, "b": 0.2},
            [1, 0, 0],
            "the runs' thresholds differ (a 0.3000, b 0.2000), so each row gets its most",
        ),
        (
            {"a": None, "b": 0.2},
            [1, 0, 0],
            "the runs' thresholds differ (a none, b 0.2000), so each row gets its most ",
        ),
    ],
)
def test_an_ensemble_says_how_it_decides(thresholds, predicted, rule):
    mean = ensemble(with_probability([0.9, 0.5, 0.1], [0.7, 0.3, 0.2]), thresholds, 1)
    assert mean.predicted.tolist() == predicted
    assert mean.rule.startswith(rule)


def test_a_run_that_counts_twice_is_refused():
    with pytest.raises(StrataError, match=r"^a and c have the same probabilities in all shared test rows, so they are"):
        ensemble(with_probability([0.9, 0.5], [0.7, 0.3], [0.9, 0.5]), dict.fromkeys("abc"), 1)


# what evaluate and standardize write, made in a moment; `sure` moves the probabilities towards the truth
STAGE = """
import json
from pathlib import Path
import numpy as np, pandas as pd
from strata.settings.yaml_loader import read_yaml
params = read_yaml(Path("params.yaml"))
label = np.random.default_rng(9).integers(0, 2, 400)
random = np.random.default_rng(params["seed"])
yes = np.clip(0.3 + 0.4 * label + random.normal(0, 0.3, 400) * (1 - params["sure"]), 0, 1)
rows = pd.DataFrame({"id": np.arange(400), "split": "test", "label": label, "prediction": (yes >= 0.5).astype(int)})
rows["probabilities"] = list(np.stack([1 - yes, yes], axis=1))
rows.loc[:19, "split"] = "validation"
for folder in ("data/evaluate", "data/standardize"):
    Path(folder).mkdir(parents=True, exist_ok=True)
Path("data/evaluate/calibration.json").write_text(json.dumps({"threshold": None}))
rows[params["skip"]:].to_parquet("data/evaluate/predictions.parquet")
Path("data/standardize/labels.json").write_text(json.dumps({"labels": ["no", "yes"], "positive": "yes"}))
"""
PIPELINE = """
stages:
  evaluate:
    cmd: python stage.py
    deps: [stage.py]
    params: [sure, skip, seed]
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


def stand_in(monkeypatch, tmp_path: Path, names: list[str], label: np.ndarray, outputs: dict[str, np.ndarray]) -> None:
    """Make a project of runs that are in no file. outputs: each run's probabilities, (rows, labels), by its name."""

    def revision(_, name: str) -> Revision:
        probabilities = outputs[name]
        rows = pd.DataFrame({"id": np.arange(len(label)), "label": label, "prediction": probabilities.argmax(axis=1)})
        rows["probabilities"] = list(probabilities)
        return Revision(name, "sample", "a.csv", Labels(names, None), rows)

    monkeypatch.setattr(compare, "load", revision)
    monkeypatch.setattr(compare, "threshold", lambda project, name: None)
    for file in ("dvc.yaml", "params.yaml"):
        (tmp_path / file).touch()


def compared(monkeypatch, tmp_path, capsys, names, truth, predicted: dict[str, np.ndarray], *options: str) -> str:
    """Return what is printed of two runs, given the labels that each predicts."""
    outputs = {run: np.eye(len(names))[given] * 0.8 + 0.2 / len(names) for run, given in predicted.items()}
    stand_in(monkeypatch, tmp_path, names, truth, outputs)
    compare.main([*outputs, *options, "--project", str(tmp_path)])
    return capsys.readouterr().out


def test_each_label_has_its_precision_recall_and_f1_with_their_differences(monkeypatch, tmp_path, capsys):
    """Against sklearn. The first run never says b: its precision is undefined, and so is the difference."""
    truth = np.arange(300) % 3
    predicted = {"one": np.where(truth == 1, 0, truth), "other": np.where(np.arange(300) % 7 == 0, 2, truth)}
    printed = compared(monkeypatch, tmp_path, capsys, ["a", "b", "c"], truth, predicted)
    lines = {line[:16].strip(): line[16:].split() for line in printed.splitlines() if re.match("  .* of [abc] ", line)}
    expected = [precision_recall_fscore_support(truth, predicted[name], zero_division=np.nan) for name in predicted]
    assert list(lines) == [f"{metric} of {label}" for label in "abc" for metric in ("precision", "recall", "f1")]
    for i, label in enumerate("abc"):
        for metric, one, other in zip(("precision", "recall", "f1"), *expected, strict=False):
            if (metric, label) == ("precision", "b"):
                assert lines[f"{metric} of {label}"] == ["undefined", "1.0000", "undefined"]
                continue
            values = [float(cell.strip("()")) for cell in lines[f"{metric} of {label}"] if cell != "to"]
            assert values[:3] == pytest.approx([one[i], other[i], other[i] - one[i]], abs=1e-4)
            assert values[3] <= values[2] <= values[4]


@pytest.mark.parametrize("ensemble_of", [(), ("--ensemble", "one,other")])
def test_long_names_of_labels_keep_the_table_within_100_columns(monkeypatch, tmp_path, capsys, ensemble_of):
    names = [f"comp.sys.ibm.pc.hardware and all else that {has} wires" for has in ("has", "has no")]
    truth = np.arange(60) % 2
    predicted = {"one": truth, "other": np.where(np.arange(60) < 5, 1 - truth, truth)}
    printed = compared(monkeypatch, tmp_path, capsys, names, truth, predicted, *ensemble_of)
    rows = [line for line in printed.splitlines() if not line.startswith("compare: ")]
    assert max(map(len, rows)) <= 100
    titles = [line.split("  ")[1] for line in rows if "…" in line]
    assert len(titles) == len(set(titles)) == 6
    assert all(title.startswith(("precision of", "recall of c", "f1 of comp")) for title in titles)
    assert sum(title.endswith("has no wires") for title in titles) == 3


@pytest.mark.slow
def test_commits_experiments_and_the_workspace_are_compared(tmp_path):
    folder = committed_run(tmp_path / "project", STAGE, PIPELINE, "recipe: sample\nsure: 0.0\nskip: 0\nseed: 0\n")
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
    printed = against(folder, "\x1b[31mred", fails=True)
    assert printed.startswith(r"compare: \x1b[31mred: no such Git revision or DVC experiment")
    assert "\x1b" not in printed
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


def test_of_many_labels_those_that_the_ensemble_changes_most_are_shown(monkeypatch, tmp_path, capsys):
    """The second run swaps the labels from 5 on in pairs; the two others, and so their mean, give the true ones."""
    names = [f"l{i:02}" for i in range(25)]
    label = np.arange(100) % 25
    certain = np.eye(25)[label]
    swapped = np.where(label < 5, label, 5 + ((label - 5) ^ 1))

    stand_in(
        monkeypatch, tmp_path, names, label, {"a": certain, "b": np.eye(25)[swapped], "c": 0.9 * certain + 0.1 / 25}
    )
    compare.main(["a", "b", "--ensemble", "a,c", "--project", str(tmp_path)])
    printed = capsys.readouterr().out
    assert re.findall(r"^  f1 of (l\d\d)", printed, re.MULTILINE) == names[5:]
    assert re.search(r"^  f1 of l07 +1.0000 +0.0000 +1.0000  \+1.0000", printed, re.MULTILINE)
    assert "compare: of 25 labels, the 20 whose F1 differs most are shown" in printed
    assert "compare: accuracy of ensemble of 2 against a: no difference: both are right on the same rows" in printed


def test_the_threshold_of_a_run_is_that_of_its_calibration(tmp_path):
    path = tmp_path / "data/evaluate/calibration.json"
    path.parent.mkdir(parents=True)
    for content, expected in (('{"threshold": null}', None), ('{"threshold": 0.25}', 0.25)):
        path.write_text(content)
        assert threshold(tmp_path, "workspace") == expected
    for content in ("{", "{}", "[]", '{"threshold": []}'):
        path.write_text(content)
        with pytest.raises(StrataError, match=r"^workspace: data/evaluate/calibration.json: holds no threshold \("):
            threshold(tmp_path, "workspace")


@pytest.mark.slow
def test_an_ensemble_is_one_more_run_beside_the_two(tmp_path):
    folder = committed_run(tmp_path / "project", STAGE, PIPELINE, "recipe: sample\nsure: 0.0\nskip: 0\nseed: 0\n")
    for seed in (1, 2, 3):
        name = f"exp-{seed}"
        sh(folder, "dvc", "exp", "run", "--quiet", "--name", name, "-S", f"seed={seed}", "-S", f"skip={20 * seed}")
    printed = against(folder, "HEAD", "exp-1", "--ensemble", "HEAD,exp-2, exp-3")
    first, second, *table = printed.splitlines()
    assert first == (
        "compare: 340 test rows in all, 40 more in HEAD, 40 more in exp-1, 20 more in exp-2, 0 more in exp-3"
    )
    assert second == (
        "compare: ensemble of 3: mean probabilities of HEAD, exp-2, exp-3; each row gets its most probable label"
    )
    assert table[0].split("  ")[-1].strip() == "ensemble of 3 less exp-1 (95% interval)"
    values = {line.split("  ")[1]: re.findall(r"[-+]?\d\.\d{4}", line) for line in table if line.startswith("  ")}
    right = dict(zip(("HEAD", "exp-1", "ensemble"), map(float, values["accuracy"]), strict=False))
    assert right["ensemble"] > max(right["HEAD"], right["exp-1"]) + 0.03, "independent errors cancel out"
    assert float(values["accuracy"][3]) == pytest.approx(right["ensemble"] - right["exp-1"], abs=1.01e-4)
    assert "f1 of yes" in values
    verdicts = [line for line in table if line.startswith("compare: accuracy of ")]
    assert [line.split(":")[1] for line in verdicts] == [
        " accuracy of exp-1 against HEAD",
        " accuracy of ensemble of 3 against HEAD",
        " accuracy of ensemble of 3 against exp-1",
    ]
    assert all("better by" in line for line in verdicts[1:])

    for names, sentence in (
        ("HEAD,exp-1,HEAD", "--ensemble HEAD,exp-1,HEAD: names HEAD twice; name each run once"),
        ("HEAD", "--ensemble HEAD: one run is no ensemble; name several, with commas between them"),
        ("HEAD,main,exp-2", "HEAD and main have the same probabilities in all shared test rows, so they are one run"),
        ("HEAD,nonsense", "nonsense: no such Git revision or DVC experiment"),
        ("HEAD,", "a revision without a name; name a Git revision"),
    ):
        printed = against(folder, "HEAD", "exp-1", "--ensemble", names, fails=True)
        assert printed.startswith(f"compare: {sentence}")
        assert len(printed.splitlines()) == 1
    (folder / "data/evaluate/calibration.json").unlink()
    printed = against(folder, "HEAD", "exp-1", "--ensemble", "HEAD,workspace", fails=True)
    assert printed == "compare: data/evaluate/calibration.json: no such file; dvc checkout, or dvc repro\n"


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
