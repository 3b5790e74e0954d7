"""One trial: why it failed, and what it leaves in its workspace."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file

from strata import validation_rows
from strata.base import tables
from strata.prior import PriorShift
from strata.settings.yaml_loader import parse_yaml
from strata.sweeping.trial import outcome, reason, score
from strata.sweeping.workspace import upstream
from tests.conftest import committed

FAILED = "ERROR: failed to reproduce 'train': failed to run: python -m stages.train, exited with {}"


@pytest.mark.parametrize(
    ("log", "code", "said"),
    [
        ("train: step 3\ntrain: the loss has become NaN\n" + FAILED.format(1), 1, "train: the loss has become NaN"),
        ("train: step 3\n" + FAILED.format(-9), 1, "killed by the system (exit code -9), probably out of memory"),
        ("train: step 3\n" + FAILED.format(137), 1, "killed by the system (exit code 137), probably out of memory"),
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
