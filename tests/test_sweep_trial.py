"""One trial: why it failed, and what it leaves in its workspace."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file

from strata import validation_rows
from strata.base import tables
from strata.base.errors import StrataError
from strata.prior import PriorShift
from strata.settings.yaml_loader import parse_yaml
from strata.sweeping.needs import upstream
from strata.sweeping.trial import CURVE, TRAINING_LINE, Curve, Pruned, outcome, reason, run, score
from tests.conftest import committed

TRAIN = "Running stage 'split':\nsplit: 8,530 rows: 5,970 train\n\nRunning stage 'train':\n"
KILLED = "ERROR: failed to reproduce 'train': failed to run: python -m stages.train, exited with {}"
FAILED = KILLED.format(1)
TRACEBACK = "Traceback (most recent call last):"


@pytest.mark.parametrize(
    ("log", "code", "said"),
    [
        (TRAIN + "train: step 3\ntrain: the loss has become NaN\nbye\n" + FAILED, 1, "train: the loss has become NaN"),
        (TRAIN + f"train: step 3\n{TRACEBACK}\nImportError: x\n" + FAILED, 1, "train: ImportError: x"),
        (
            TRAIN + "> python -m stages.train\nsome library: no space left\n" + FAILED,
            1,
            "train: some library: no space left",
        ),
        ("train: step 3\n" + KILLED.format(-9), 1, "killed by the system (exit code -9), probably out of memory"),
        ("train: step 3\n" + KILLED.format(137), 1, "killed by the system (exit code 137), probably out of memory"),
        ("ERROR: unexpected error - disk full\n", 255, "ERROR: unexpected error - disk full"),
        ("Traceback\nModuleNotFoundError: No module named 'dvc'\n", 1, "ModuleNotFoundError: No module named 'dvc'"),
        ("", -9, "killed by the system (exit code -9), probably out of memory"),
        ("", 3, "exit code 3"),
    ],
)
def test_a_failed_trial_says_why(log, code, said):
    assert reason(log.encode(), code) == said


def finished(folder, shift):
    """What train and the stages before it leave, of two rows."""
    for name in ("data/train", "data/standardize", "data/resample", "data/split", "metrics", "models/train"):
        (folder / name).mkdir(parents=True)
    probabilities = np.array([[0.5, 0.5], [0.9, 0.1]])
    validation_rows.write(folder / "data/train", np.array([7, 3]), np.array([1, 0]), probabilities)
    (folder / "data/standardize/labels.json").write_text(json.dumps({"labels": ["n", "p"], "positive": "p"}))
    PriorShift(*(np.array(part) for part in ([0.0, 0.0], shift, [0.0, 0.0]))).write(folder / "data/resample/prior.json")
    units = pd.DataFrame({"id": [3, 7, 9], "unit": [3, 3, 9]})
    tables.write_frame(
        folder / "data/split/units.parquet", units, pa.schema([("id", pa.int64()), ("unit", pa.int64())])
    )
    (folder / "metrics/train.json").write_text(json.dumps({"steps": 4, "tokens": 100}))
    weights = {"bert.embeddings.word_embeddings.weight": torch.zeros(50, 4), "classifier.weight": torch.zeros(2, 4)}
    save_file(weights, folder / "models/train/model.safetensors")


def test_a_finished_trial_is_scored_at_the_natural_prior(tmp_path):
    finished(tmp_path, shift=[0.0, np.log(3)])
    result = outcome(tmp_path, ["s-000"])
    assert result.rows["probabilities"].map(lambda row: round(row[1], 6)).tolist() == [0.75, 0.25]
    assert result.rows["unit"].tolist() == [3, 3]
    assert score(result.rows, result.labels, "accuracy") == 1.0
    assert score(result.rows, result.labels, "loss") == pytest.approx(-np.log(0.75))


def test_the_cost_of_a_training_counts_its_tokens_and_the_weights_that_compute(tmp_path):
    finished(tmp_path, shift=[0.0, 0.0])
    assert outcome(tmp_path, ["s-000"]).compute == 6 * 8 * 100


def test_a_trial_runs_what_train_needs_and_nothing_that_scores_test_rows():
    assert upstream(parse_yaml(committed("dvc.yaml"))) == [
        "ingest",
        "standardize",
        "split",
        "resample",
        "tokenize",
        "adapt",
        "train",
    ]


class Workspace:
    """A folder where Python code stands for an experiment. It keeps each trial's settings, and whether it was ended."""

    def __init__(self, folder, code):
        self.folder, self.code, self.given, self.ended, self.removed = folder, code, {}, [], []
        (folder / CURVE).parent.mkdir(parents=True)
        (folder / "params.yaml").write_text("train: {epochs: 2, evaluations_per_epoch: 2}")
        finished(folder, shift=[0.0, 0.0])

    def set(self, experiment, overrides):
        self.settings = overrides

    def start(self, name, log, share):
        self.given[name] = self.settings
        with log.open("wb") as output:
            self.process = subprocess.Popen([sys.executable, "-c", self.code], cwd=self.folder, stdout=output)
        return self.process

    def remove_snapshots(self, experiment):
        self.removed.append(experiment)

    def end_process(self):
        self.ended.append(self.process.poll() is None)
        self.process.kill()


def run_in(workspace, report, folds=None):
    handed, log = [], workspace.folder / "log"
    scored = run(workspace, "s-000", {"train.lr": 1e-5}, folds, "accuracy", report, handed.append, log, {})
    return scored, handed


def trains(values):
    """Code that writes a curve, as train does, and goes on for a while."""
    curve = "step,accuracy\n" + "".join(f"{step},{value}\n" for step, value in enumerate(values))
    return f"""
import pathlib, time
print({TRAINING_LINE.decode()!r}, flush=True)
pathlib.Path({CURVE!r}).write_text({curve!r})
time.sleep(60 if {len(values)} < 4 else 0)
"""


def test_a_trial_is_stopped_in_the_middle_of_its_training(tmp_path):
    workspace, told = Workspace(tmp_path / "w", trains([0.6, 0.5])), []

    def report(share, value):
        told.append((share, value))
        return share == 50

    with pytest.raises(Pruned):
        run_in(workspace, report)
    assert told == [(25, 0.6), (50, 0.5)]
    assert workspace.ended == [True]
    assert workspace.removed == ["s-000"]


def test_every_evaluation_is_reported(tmp_path):
    told = []
    workspace = Workspace(tmp_path / "w", trains([0.6, 0.7, 0.8, 0.9]))
    scored, handed = run_in(workspace, lambda share, value: told.append((share, value)))
    assert workspace.removed == []
    assert told == [(25, 0.6), (50, 0.7), (75, 0.8), (100, 0.9)]
    assert handed == scored.experiments == ["s-000"]


def test_the_curve_of_an_earlier_commit_is_not_taken_for_this_trials(tmp_path):
    code = trains([0.1, 0.1, 0.1]).replace(TRAINING_LINE.decode(), "Checking out").replace("sleep(60", "sleep(1")
    workspace, told = Workspace(tmp_path / "w", f"{code}\nimport os\nos.remove({CURVE!r})"), []
    run_in(workspace, lambda *given: told.append(given))
    assert told == []


def test_each_evaluation_is_reported_once(tmp_path):
    workspace, told = Workspace(tmp_path / "w", ""), []
    curve = Curve(workspace.folder, "accuracy", lambda *given: told.append(given))
    for text in ("", "step,accuracy\n", "step,accuracy\n1,0.5\n", "step,accuracy\n1,0.5\n2,0.7\n"):
        (workspace.folder / CURVE).write_text(text)
        assert not curve.is_hopeless()
    assert told == [(25, 0.5), (50, 0.7)]


def test_folds_are_experiments_of_one_trial_scored_together(tmp_path):
    told = []
    scored, handed = run_in(workspace := Workspace(tmp_path / "w", ""), lambda *given: told.append(given), folds=2)
    assert handed == scored.experiments == ["s-000-fold0", "s-000-fold1"]
    assert [given["split.validation_fold"] for given in workspace.given.values()] == [0, 1]
    assert all(given["split.validation_folds"] == 2 for given in workspace.given.values())
    assert [share for share, _ in told] == [50, 100]
    assert len(scored.rows) == 4
    assert scored.rows["unit"].nunique() == 2, "rows of different folds are of different units"
    assert scored.compute == 2 * outcome(workspace.folder, []).compute


def test_a_hopeless_fold_ends_its_trial(tmp_path):
    workspace = Workspace(tmp_path / "w", "")
    with pytest.raises(Pruned):
        run_in(workspace, lambda share, value: True, folds=3)
    assert list(workspace.given) == ["s-000-fold0"]


def test_a_stage_that_fails_is_the_trials_reason(tmp_path):
    said = "Running stage 'train':\ntrain: the loss has become NaN\nERROR: failed, exited with 1"
    code = f"print({said!r}); raise SystemExit(1)"
    workspace = Workspace(tmp_path / "w", code)
    with pytest.raises(StrataError, match="the loss has become NaN"):
        run_in(workspace, lambda *given: False)
