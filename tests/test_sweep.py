"""A real search in a clone: DVC experiments on a small sample with a tiny model, killed once on its way."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from strata.settings.yaml_loader import read_yaml
from strata.sweeping.copied_project import unbundle
from strata.sweeping.workspace import Hindered, Workspace, remove_experiments
from tests.conftest import reviews, write_csv
from tests.test_repro import ENV, change, clone, origin, run, status  # noqa: F401, origin is a fixture

pytestmark = pytest.mark.slow

SWEEP = """
search:
  train.lr: {low: 1.0e-3, high: 1.0e-2, log: true}
  train.batch_size: [4, 8]
metric: accuracy
direction: maximize
sampler: random
trials: 2
pruner: none
round: 1
seed: 5
"""
RECIPE = """
source: {train: r.csv}
columns: {text: text, label: label}
labels: {negative: neg, positive: pos}
positive: positive
keep: {}
clean: []
annotate: []
sample: null
"""


def contents(folder):
    """The bytes of all files in the user's workspace, but for DVC's own, the results and what a search knows."""
    skipped = (".git", ".dvc", "__pycache__", "data/sweep", "plots/sweep")
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {n: p.read_bytes() for n, p in names.items() if not n.startswith(skipped) and "__pycache__" not in n}


@pytest.fixture(scope="module")
def swept(origin, tmp_path_factory):  # noqa: F811
    """A clone in which a search was killed and run again, with an untracked recipe, ignored data and own changes."""
    folder = clone(origin, tmp_path_factory.mktemp("swept") / "strata")
    write_csv(folder / "data/raw/mine/r.csv", reviews(300))
    (folder / "recipes/mine.yaml").write_text(RECIPE, encoding="utf-8")
    (folder / "sweeps").mkdir(exist_ok=True)
    (folder / "sweeps/small.yaml").write_text(SWEEP, encoding="utf-8")
    change(folder, "params.yaml", recipe="mine")
    before = contents(folder)
    command = ["strata", "sweep", "small"]
    with subprocess.Popen(command, cwd=folder, env=ENV, stdout=subprocess.PIPE, text=True) as killed:
        journal = folder / "data/sweep/small/journal.log"
        while killed.poll() is None and not (journal.exists() and "intermediate_value" in journal.read_text()):
            time.sleep(0.05)
        os.kill(killed.pid, signal.SIGKILL)
    return folder, before, run(folder, *command)


def test_the_search_goes_on_after_a_kill_and_counts_each_trial_once(swept):
    folder, _, output = swept
    assert "sweep: small: 2 trials have ended: 2 complete" in output
    refs = run(folder, "git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    assert sorted(ref.rpartition("/")[2] for ref in refs) == ["small-000", "small-001"]


def test_the_users_workspace_is_as_it_was(swept):
    folder, before, _ = swept
    assert contents(folder) == before
    assert set(status(folder).splitlines()) == {
        " M params.yaml",
        "?? plots/sweep/small/",
        "?? recipes/mine.yaml",
        "?? sweeps/small.yaml",
    }


def test_a_trial_is_an_experiment_with_its_settings_and_without_a_test_score(swept):
    folder, _, _ = swept
    answer = json.loads((folder / "plots/sweep/small/answer.json").read_text(encoding="utf-8"))
    best = answer["best"]
    listed = json.loads(run(folder, "dvc", "exp", "show", "--json"))
    experiments = {one["name"]: one["revs"][0]["data"] for one in listed[1]["experiments"]}
    of_best = experiments[best["trial"]]
    assert of_best["params"]["params.yaml"]["data"]["train"]["lr"] == best["settings"]["train.lr"]
    metrics = {path: content["data"] for path, content in of_best["metrics"].items() if content.get("data")}
    assert metrics["metrics/train.json"]["val_accuracy"] == best["score"]
    assert not {"metrics/evaluate.json", "metrics/quantize.json", "metrics/baseline.json"} & set(metrics)


def test_a_finished_search_runs_nothing(swept):
    folder, _, output = swept
    swap = folder / "stages/train/.loss.py.swp"
    swap.write_text("what an editor keeps while a file is open", encoding="utf-8")
    again = run(folder, "strata", "sweep", "small")
    swap.unlink()
    assert again.splitlines() == output.splitlines()[-len(again.splitlines()) :]
    assert not (folder / ".dvc/tmp/sweep/small").exists()


def test_another_state_of_the_project_is_told(swept, tmp_path):
    folder, _, _ = swept
    (folder / "data/raw/mine/r.csv").touch()
    change(folder, "params.yaml", train={"weight_decay": 0.5})
    told = run(folder, "strata", "sweep", "small", fails=True)
    change(folder, "params.yaml", train={"weight_decay": 0.01})
    assert "sweep: params.yaml changed since this search began" in told
    text = (folder / "sweeps/small.yaml").read_text(encoding="utf-8")
    turned = text.replace("metric: accuracy", "metric: loss").replace("direction: maximize", "direction: minimize")
    assert turned != text
    (folder / "sweeps/small.yaml").write_text(turned, encoding="utf-8")
    told = run(folder, "strata", "sweep", "small", "--apply", fails=True)
    (folder / "sweeps/small.yaml").write_text(text, encoding="utf-8")
    assert "sweep: sweeps/small.yaml changed since this search began" in told


def test_a_restart_that_cannot_start_forgets_nothing(swept):
    folder, _, output = swept
    pipeline = (folder / "dvc.yaml").read_text(encoding="utf-8")
    (folder / "dvc.yaml").write_text("stages: [", encoding="utf-8")
    told = run(folder, "strata", "sweep", "small", "--restart", fails=True)
    (folder / "dvc.yaml").write_text(pipeline, encoding="utf-8")
    assert "dvc.yaml, line" in told
    again = run(folder, "strata", "sweep", "small", "--report")
    assert again.splitlines() == output.splitlines()[-len(again.splitlines()) :]


def test_what_is_wrong_with_a_sweep_or_its_state_is_told(swept):
    folder, _, _ = swept

    def told(*argv):
        return run(folder, "strata", "sweep", *argv, fails=True)

    assert "sweep: no trial '' has a score; those that have: small-000" in told("small", "--apply", "")
    assert "NAME is 'sweeps/small.yaml', must have letters" in told("sweeps/small.yaml", "--report")
    path, journal = folder / "sweeps/small.yaml", folder / "data/sweep/small/journal.log"
    text, trials = path.read_text(encoding="utf-8"), journal.read_text(encoding="utf-8")
    path.write_text(text.replace("train.lr:", "train.lrr:"), encoding="utf-8")
    assert "unknown key train.lrr; did you mean train.lr?" in told("small", "--report")
    path.write_text(text, encoding="utf-8")
    journal.write_text("{oops}\n" + trials, encoding="utf-8")
    assert "journal.log: cannot be read (JSONDecodeError" in told("small", "--report")
    journal.unlink()
    assert "the trials of sweep small are not here (data/sweep/small); its results are" in told("small", "--apply")
    journal.write_text(trials, encoding="utf-8")


def test_data_that_were_written_to_in_place_end_the_search(swept, tmp_path):
    folder, _, _ = swept
    workspace = Workspace(tmp_path / "clone", folder, {"mine"}, tmp_path / "snapshots")
    for trial in ("small-000", "small-001"):
        workspace.set(trial, {})
        assert (workspace.folder / "snapshots").resolve() == tmp_path / "snapshots" / trial
    assert "snapshots" not in run(workspace.folder, "git", "status", "--porcelain")
    data = folder / "data/raw/mine/r.csv"
    content = data.read_bytes()
    data.write_bytes(content + b"a good film,pos\n")
    with pytest.raises(Hindered, match=r"data/raw/mine/r.csv changed while the search ran"):
        workspace.set("small-000", {})
    data.write_bytes(content)


@pytest.mark.parametrize("link", ["../shared.yaml", "absolute"])
def test_a_workspace_has_the_users_files_however_git_is_configured(origin, tmp_path, monkeypatch, link):  # noqa: F811
    folder, shared = clone(origin, tmp_path / "strata"), tmp_path / "shared.yaml"
    settings = {"init.templateDir": str(tmp_path), "diff.context": "0", "diff.noprefix": "true"}
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for i, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{i}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{i}", value)
    change(folder, "recipes/office.yaml", sample=7)
    run(folder, "git", "update-index", "--skip-worktree", "recipes/imdb.yaml")
    change(folder, "recipes/imdb.yaml", sample=8)
    (folder / "recipes/mine.yaml").write_text(RECIPE, encoding="utf-8")
    (folder / "recipes/.#mine.yaml").symlink_to("who@where.1")  # the lock of an editor
    (folder / "params.yaml").rename(shared)
    (folder / "params.yaml").symlink_to(shared if link == "absolute" else link)
    text = shared.read_bytes()
    workspace = Workspace(tmp_path / "clone", folder, set())
    workspace.set("small-000", {"seed": 3})
    for name in ("office", "imdb", "mine"):
        path = f"recipes/{name}.yaml"
        assert (workspace.folder / path).read_bytes() == (folder / path).read_bytes(), name
    assert read_yaml(workspace.folder / "params.yaml")["seed"] == 3
    assert shared.read_bytes() == text


def test_a_project_without_a_commit_is_told(origin, tmp_path):  # noqa: F811
    folder = clone(origin, tmp_path / "strata")
    shutil.rmtree(folder / ".git")
    run(folder, "git", "init", "--quiet")
    (folder / "sweeps/small.yaml").write_text(SWEEP, encoding="utf-8")
    told = run(folder, "strata", "sweep", "small", fails=True)
    assert "has no Git commit yet" in told
    assert "run git add --all && git commit" in told


def test_experiments_of_another_machine_leave_those_that_are_here(tmp_path):
    for name in ("here", "there"):
        run(tmp_path, "git", "init", "--quiet", name)
    here, there = tmp_path / "here", tmp_path / "there"
    run(here, "git", "commit", "--quiet", "--allow-empty", "--message", "start")
    run(here, "git", "config", "fetch.prune", "true")
    run(here, "git", "update-ref", "refs/exps/ab/cd/own", "HEAD")
    run(there, "git", "pull", "--quiet", str(here))
    run(there, "git", "commit", "--quiet", "--allow-empty", "--message", "trial")
    run(there, "git", "update-ref", "refs/exps/ab/cd/s-000", "HEAD")
    run(there, "git", "bundle", "create", "--quiet", str(tmp_path / "bundle"), "refs/exps/ab/cd/s-000", "^HEAD~1")
    unbundle(here, tmp_path / "bundle")
    assert run(here, "git", "for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps").split() == ["own", "s-000"]


def test_only_a_sweeps_own_experiments_are_removed(tmp_path):
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, "git", "commit", "--quiet", "--allow-empty", "--message", "start")
    names = ["s-000", "s-001-fold0", "s-0010", "s-001-fold0b", "other-000", "t-s-000"]
    for name in names:
        run(tmp_path, "git", "update-ref", f"refs/exps/ab/cd/{name}", "HEAD")
    remove_experiments(tmp_path, [])
    remove_experiments(tmp_path, ["s-000", "s-001"])
    left = run(tmp_path, "git", "for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps").split()
    assert sorted(left) == ["other-000", "s-001-fold0b", "s-0010", "t-s-000"]


def test_the_best_settings_are_written_into_params_yaml(swept):
    folder, before, _ = swept
    seed = read_yaml(folder / "params.yaml")["seed"]
    best = json.loads((folder / "plots/sweep/small/answer.json").read_text(encoding="utf-8"))["best"]
    told = run(folder, "strata", "sweep", "small", "--apply")
    train = read_yaml(folder / "params.yaml")["train"]
    again = run(folder, "strata", "sweep", "small")
    assert "2 trials have ended" in again, "keys that the trials set may change in params.yaml"
    change(folder, "params.yaml", seed=8)
    differs = run(folder, "strata", "sweep", "small", "--apply")
    assert f"sweep: the trial ran with seed={seed}; params.yaml now has other values" in differs
    (folder / "params.yaml").write_bytes(before["params.yaml"])
    assert f"has the settings of {best['trial']}" in told
    assert {key: train[key.partition(".")[2]] for key in best["settings"]} == best["settings"]
    assert "no trial 'small-9' has a score; those that have: small-000" in run(
        folder, "strata", "sweep", "small", "--apply", "small-9", fails=True
    )
