"""Whether training on a GPU repeats, resumes, stays finite on one-token texts, and is shared by processes."""

import hashlib
import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from stages.train import validation
from strata.base.files import write_json
from strata.settings.reader import read_settings
from strata.settings.yaml_loader import read_yaml
from strata.training.snapshot import STATE

from ..pipeline import STAGES
from ..train import strata as stage

STEPS_OF_ONE_TOKEN = 10


def start(project: Path, changes: dict, **options) -> subprocess.Popen:
    """Start the stage train in a project. changes: of the section train in params.yaml. options: of Popen."""
    params = read_yaml(project / "params.yaml")
    params["train"] |= changes
    params["snapshots"] = {"minutes": 1, "steps": 60}
    write_json(project / "params.yaml", params)
    _, *argv = shlex.split(STAGES["train"]["cmd"].replace("${recipe}", params["recipe"]))  # without python
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([sys.executable, *argv], cwd=project, **(pipes | options))


def train(project: Path, changes: dict) -> dict:
    """Run the stage train. Return its exit code, last lines, the hash of its weights and its best score."""
    shutil.rmtree(project / "models/train", ignore_errors=True)
    process = start(project, changes)
    output, _ = process.communicate()
    result = {"code": process.returncode}
    if process.returncode:
        return result | {"said": output.strip().splitlines()[-3:]}
    metrics = json.loads((project / "metrics/train.json").read_text(encoding="utf-8"))
    weights = (project / "models/train/model.safetensors").read_bytes()
    resumed = [line for line in output.splitlines() if "resumes after step" in line]
    return result | {"sha256": hashlib.sha256(weights).hexdigest(), "resumed": resumed} | metrics


def kill_midway(project: Path, changes: dict) -> None:
    """Start the stage train, and kill it with all its processes once it has saved a state."""
    with start(project, changes, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while process.poll() is None and not list((project / "snapshots").glob(f"*/{STATE}")):
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def repeats(project: Path) -> dict:
    """Train twice with train.deterministic, and once killed and resumed; compare the weights' bytes."""
    changes = {"deterministic": True, "epochs": 1}
    runs = {"first": train(project, changes), "second": train(project, changes)}
    kill_midway(project, changes)
    runs["killed_and_resumed"] = train(project, changes)
    runs["not_deterministic"] = train(project, changes | {"deterministic": False})
    hashes = [runs[name].get("sha256") for name in ("first", "second", "killed_and_resumed")]
    return {
        "same_bytes": hashes[0] is not None and hashes[0] == hashes[1],
        "same_bytes_after_a_kill": hashes[0] == hashes[2] and bool(runs["killed_and_resumed"].get("resumed")),
        "same_bytes_without_deterministic": runs["not_deterministic"].get("sha256") == hashes[0],
        "runs": runs,
    }


def one_token(project: Path, precision: str) -> dict:
    """Train some steps on batches in which one row has a single token. Return the losses, and whether all is finite."""
    settings, _ = read_settings(project / "params.yaml", project / "recipes")
    changes = {"precision": precision, "deterministic": False}
    settings = settings.model_copy(update={"train": settings.train.model_copy(update=changes)})
    training = stage.prepare(project, settings)
    rows = training.splits["train"].input_ids
    short = rows[0][:1]
    training.splits["train"].input_ids[0] = short
    training.splits["validation"].input_ids[0] = short
    batches = [[np.concatenate([[0], np.arange(1 + 31 * i, 32 + 31 * i)])] for i in range(STEPS_OF_ONE_TOKEN)]
    planned = stage.at_one_rate(batches, settings.train.lr)
    sums = [training.run.counters.loss for _ in stage.steps(training, settings, planned)]
    losses = np.diff(sums, prepend=0.0).tolist()
    probabilities = validation.validation_probabilities(training)
    return {
        "losses": [round(loss, 4) for loss in losses],
        "finite": bool(np.isfinite(probabilities).all()) and all(map(math.isfinite, losses)),
    }


def precisions(project: Path) -> dict:
    """Return `one_token` of each precision that the card has."""
    names = ["fp16", "bf16", "fp32"] if torch.cuda.is_bf16_supported(including_emulation=False) else ["fp16", "fp32"]
    return {name: one_token(project, name) for name in names}


def processes(project: Path) -> dict:
    """Train in one process and in two. On one GPU, two processes have to be refused in one line."""
    changes = {"epochs": 1, "deterministic": True}
    one, two = train(project, changes), train(project, changes | {"processes": 2})
    return {"gpus": torch.cuda.device_count(), "one": one, "two": two}
