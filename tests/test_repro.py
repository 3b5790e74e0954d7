"""Real `dvc repro` and `dvc exp run` in clones, on a small sample of the real data with a tiny model."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT, STAGES, committed, in_head, reviews, write_csv

pytestmark = pytest.mark.slow

ENV = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": "",
    "PYTHONUNBUFFERED": "1",  # a line is seen when it is printed, not when its stage ends
    "GIT_AUTHOR_NAME": "tester",
    "GIT_AUTHOR_EMAIL": "tester@example.com",
    "GIT_COMMITTER_NAME": "tester",
    "GIT_COMMITTER_EMAIL": "tester@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def run(folder: Path, *argv: str, fails: bool = False) -> str:
    done = subprocess.run(argv, cwd=folder, env=ENV, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, output
    return output


def ran(output: str) -> list[str]:
    """The stages whose commands DVC ran, in order."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage '")]


def change(folder: Path, name: str, **changes) -> None:
    yaml = YAML()
    content = yaml.load(folder / name)
    for key, value in changes.items():
        if isinstance(value, dict):
            content[key].update(value)
        else:
            content[key] = value
    yaml.dump(content, folder / name)


def status(folder: Path) -> str:
    return run(folder, "git", "status", "--porcelain")


def commit(folder: Path, message: str) -> None:
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", message)


@pytest.fixture(scope="module")
def origin(tmp_path_factory, checkpoint) -> Path:
    """This project as a user would commit it, its data shrunk to a sample and its model to a tiny one."""
    folder = tmp_path_factory.mktemp("origin") / "strata"
    tracked = set(run(ROOT, "git", "ls-files", "-z").rstrip("\0").split("\0"))
    settings = {name for name in in_head() if name == "params.yaml" or name.startswith(("recipes/", "data/"))}
    for name in settings:  # a user may have changed them, and staged a recipe and data
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(committed(name), encoding="utf-8")
    others = [name for name in tracked if not name.startswith(("recipes/", "data/", "metrics/", "plots/"))]
    others.append("plots/sweep/.gitkeep")  # report reads this folder
    for name in [name for name in others if name not in ("dvc.lock", *settings) and (ROOT / name).is_file()]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    change(
        folder,
        "params.yaml",
        model={"checkpoint": str(checkpoint), "sha256": None},
        tokenize={"max_length": 32},
        train={"epochs": 1, "min_steps": None, "batch_size": 4},
        evaluate={"behaviour_rows": 20, "explained_errors": 2},
        quantize={"max_loss": 1.0, "max_label_loss": 1.0, "min_agreement": 0.0, "max_drift": 1.0},
    )
    change(folder, "recipes/rotten_tomatoes.yaml", sample=300)
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    commit(folder, "Start")
    return folder


def clone(origin: Path, target: Path) -> Path:
    run(origin, "git", "clone", "--quiet", str(origin), str(target))
    return target


@pytest.fixture(scope="module")
def done(origin, tmp_path_factory) -> Path:
    """A clone that was run from end to end and committed."""
    folder = clone(origin, tmp_path_factory.mktemp("done") / "strata")
    assert ran(run(folder, "dvc", "repro")) == STAGES
    commit(folder, "Run")
    return folder


def test_a_second_repro_has_nothing_to_do(done):
    assert "Data and pipelines are up to date." in run(done, "dvc", "repro")
    assert status(done) == ""


def test_training_killed_at_random_steps_goes_on_in_another_clone_and_ends_in_the_same_bytes(origin, done, tmp_path):
    folder = clone(origin, tmp_path / "killed")
    change(folder, "params.yaml", snapshots={"steps": 5})
    killed_at(folder, 1)
    assert not (folder / "models/train").exists()
    went_on = 0
    for target in sorted(random.sample(range(3, 48), 3)):  # of 53 steps; nothing that is drawn may matter
        said = killed_at(folder, target)
        went_on += "train: resumes after step" in said
    assert went_on >= 1
    assert ran(run(folder, "dvc", "repro")) == ["train", "evaluate", "quantize", "report"]
    for name in run(done, "git", "ls-files", "-z", "dvc.lock", "metrics", "plots").rstrip("\0").split("\0"):
        assert (folder / name).read_bytes() == (done / name).read_bytes(), name
    assert not list((folder / "snapshots").iterdir())


def killed_at(folder: Path, target: int) -> str:
    """Kill a dvc repro, and all that it started, once training has begun a step; return what it printed."""
    with subprocess.Popen(
        ["dvc", "repro"], cwd=folder, env=ENV, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while process.poll() is None:
            notes = [path.read_text() for path in folder.glob("snapshots/*/batch.json")]
            if any(int(step) >= target for note in notes for step in re.findall(r'"in step (\d+)"', note)):
                os.killpg(process.pid, signal.SIGKILL)
                break
        return process.stdout.read()


def test_what_one_clone_pushes_another_pulls_and_has_nothing_to_do(done, tmp_path):
    run(done, "dvc", "remote", "add", "--force", "--local", "--default", "store", str(tmp_path / "store"))
    run(done, "dvc", "push")
    folder = clone(done, tmp_path / "other")
    run(folder, "dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    run(folder, "dvc", "pull")
    assert "Data and pipelines are up to date." in run(folder, "dvc", "repro")
    assert status(folder) == ""


def test_clones_that_share_a_cache_have_one_lock_file_and_the_second_runs_nothing(origin, tmp_path):
    first, second = (clone(origin, tmp_path / name) for name in ("first", "second"))
    for folder in (first, second):
        run(folder, "dvc", "cache", "dir", "--local", str(tmp_path / "cache"))
        output = run(folder, "dvc", "repro", "standardize")
        assert ran(output) == (["ingest", "standardize"] if folder == first else [])
    assert (first / "dvc.lock").read_bytes() == (second / "dvc.lock").read_bytes()
    for name in ("data/standardize/train.parquet", "metrics/standardize.json", "plots/standardize/class_balance.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert not (first / ".dvc/cache").exists()
    assert not (second / ".dvc/cache").exists()


def test_only_the_recorded_model_is_published_and_dvc_knows_it_as_an_artifact(done, tmp_path):
    folder = clone(done, tmp_path / "publish")
    shutil.copytree(done / ".dvc/cache", folder / ".dvc/cache")
    run(folder, "dvc", "checkout")
    assert "model_quantized.onnx" in run(folder, sys.executable, "-m", "strata", "publish", "o/n", "--dry-run")
    got = tmp_path / "got"
    run(folder, "git", "tag", "--annotate", "classifier@v0.1.0", "--message", "the first")
    run(folder, "dvc", "artifacts", "get", str(folder), "classifier", "--out", str(got))
    assert (got / "onnx/model_quantized.onnx").is_file()
    config = folder / "models/quantize/config.json"
    text = config.read_text()
    config.unlink()
    config.write_text(text + " ")
    said = run(folder, sys.executable, "-m", "strata", "publish", "o/n", "--dry-run", fails=True)
    assert "publish: the model is not that of the recorded run" in said


def test_a_learning_rate_reruns_training_and_what_follows_and_can_be_compared(done, tmp_path):
    folder = clone(done, tmp_path / "sweep")
    shutil.copytree(done / ".dvc/cache", folder / ".dvc/cache")
    run(folder, "dvc", "checkout")
    assert ran(run(folder, "dvc", "exp", "run", "-S", "train.lr=3e-5")) == ["train", "evaluate", "quantize", "report"]
    assert "train.lr" in run(folder, "dvc", "params", "diff")
    differences = json.loads(run(folder, "dvc", "metrics", "diff", "--json", "--all"))
    assert "f1_macro" in differences["metrics/evaluate.json"]
    page = tmp_path / "page"
    run(folder, "dvc", "plots", "diff", "HEAD", "--out", str(page))
    text = (page / "index.html").read_text()
    assert all(title in text for title in ("Loss", "ROC", "Precision and recall", "Confusion"))

    assert ran(run(folder, "dvc", "exp", "run", "-S", "quantize.candidates=[reduce_range]")) == ["quantize", "report"]
    candidates = "quantize.candidates=[per_channel,reduce_range,mostly_int8,weight_only]"
    lr = YAML().load(committed("params.yaml"))["train"]["lr"]
    back = run(folder, "dvc", "exp", "run", "-S", f"train.lr={lr}", "-S", candidates)
    assert ran(back) == [], "switching back comes out of the cache"
    assert (folder / "metrics/quantize.json").read_bytes() == (done / "metrics/quantize.json").read_bytes()


def test_resampling_reruns_from_resample_on(done, tmp_path):
    folder = clone(done, tmp_path / "balance")
    shutil.copytree(done / ".dvc/cache", folder / ".dvc/cache")
    run(folder, "dvc", "checkout")
    factors = "resample.factors=['positive: 0.5','negative: 1']"
    output = run(folder, "dvc", "exp", "run", "-S", "resample.strategy=factors", "-S", factors)
    assert ran(output) == ["resample", "tokenize", "adapt", "baseline", "train", "evaluate", "quantize", "report"]
    assert json.loads((folder / "metrics/resample.json").read_text())["after"] == {"negative": 105, "positive": 52}
    factors = "resample.factors=['positive: 1','negative: 0.5']"
    assert ran(run(folder, "dvc", "exp", "run", "-S", factors, "resample")) == ["resample"]
    assert json.loads((folder / "metrics/resample.json").read_text())["after"] == {"negative": 52, "positive": 105}


def test_a_queue_of_values_runs(done, tmp_path):
    folder = clone(done, tmp_path / "queue")
    shutil.copytree(done / ".dvc/cache", folder / ".dvc/cache")
    run(folder, "dvc", "checkout")
    run(folder, "dvc", "exp", "run", "--queue", "-S", "quantize.max_drift=0.9,0.8")
    run(folder, "dvc", "exp", "run", "--run-all")
    shown = json.loads(run(folder, "dvc", "exp", "show", "--json"))
    experiments = [entry for commit in shown for entry in commit.get("experiments") or []]
    assert len(experiments) == 2


def test_a_typo_fails_before_any_stage_has_done_work(done):
    output = run(done, "dvc", "exp", "run", "-S", "train.lrr=1", fails=True)
    assert ran(output) == []
    assert "train.lrr" in output


def test_a_new_key_is_refused_by_the_stage_that_reads_it(done, tmp_path):
    folder = clone(done, tmp_path / "typo")
    shutil.copytree(done / ".dvc/cache", folder / ".dvc/cache")
    run(folder, "dvc", "checkout")
    output = run(folder, "dvc", "exp", "run", "-S", "+train.lrr=1", fails=True)
    assert "train: params.yaml: unknown key train.lrr; did you mean train.lr?" in output


def test_queued_experiments_find_a_recipe_and_data_of_ones_own(origin, tmp_path):
    """They run in clones, which have neither untracked recipes nor data that git ignores."""
    folder = clone(origin, tmp_path / "mine")
    write_csv(tmp_path / "mine.csv", reviews(80))
    said = run(folder, sys.executable, "-m", "strata", "recipe", str(tmp_path / "mine.csv"))
    staged = "recipes/mine.yaml, data/raw/mine.dvc, data/raw/.gitignore"
    assert f"staged, commit before you queue experiments: {staged}\n" in said
    recipe = folder / "recipes/mine.yaml"
    recipe.write_text(recipe.read_text(encoding="utf-8").replace("min_words: 1", "min_words: 2"), encoding="utf-8")
    before = status(folder)
    run(folder, "dvc", "exp", "run", "--temp", "-S", "recipe=mine", "standardize")
    run(folder, "dvc", "exp", "run", "--queue", "-S", "recipe=mine", "-S", "seed=1,2", "standardize")
    assert "Failed" not in run(folder, "dvc", "exp", "run", "--run-all")
    listed = json.loads(run(folder, "dvc", "exp", "show", "--json"))
    experiments = [entry for revision in listed for entry in revision.get("experiments") or []]
    assert len(experiments) == 3
    assert status(folder) == before


def test_a_run_in_the_workspace_unstages_a_new_recipe_unless_it_is_committed(origin, tmp_path):
    """Why `strata recipe` asks for a commit: what Git does not know is missing where queued experiments run."""
    folder = clone(origin, tmp_path / "mine")
    write_csv(tmp_path / "mine.csv", reviews(80))
    run(folder, sys.executable, "-m", "strata", "recipe", str(tmp_path / "mine.csv"))
    run(folder, "dvc", "exp", "run", "-S", "recipe=mine", "standardize")
    assert "?? recipes/mine.yaml" in status(folder)
    commit(folder, "Add mine")
    run(folder, "dvc", "exp", "run", "-S", "seed=1", "standardize")
    run(folder, "dvc", "exp", "run", "--temp", "-S", "seed=2", "standardize")


def test_the_order_of_labels_is_no_small_matter(done, tmp_path):
    """It gives labels their ids, and DVC does not see it in params."""
    folder = clone(done, tmp_path / "order")
    shutil.copytree(done / ".dvc/cache", folder / ".dvc/cache")
    run(folder, "dvc", "checkout")
    recipe = YAML().load(folder / "recipes/rotten_tomatoes.yaml")
    recipe["labels"] = {"positive": 1, "negative": 0}
    YAML().dump(recipe, folder / "recipes/rotten_tomatoes.yaml")
    assert ran(run(folder, "dvc", "repro", "standardize")) == ["standardize"]
    assert json.loads((folder / "data/standardize/labels.json").read_text())["labels"] == ["positive", "negative"]


def test_bad_input_stops_the_pipeline_at_its_stage(origin, tmp_path):
    folder = clone(origin, tmp_path / "bad")
    change(folder, "recipes/rotten_tomatoes.yaml", labels={"positive": 7})
    output = run(folder, "dvc", "repro", fails=True)
    assert ran(output) == ["ingest", "standardize"]
    assert "standardize: data/ingest/train.parquet: labels: 1 value belongs to no label: '1' (4,265 rows)" in output
