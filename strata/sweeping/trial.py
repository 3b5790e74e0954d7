"""One trial of a search: its training, or one training a fold, watched and scored on validation rows."""

import errno
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from strata import validation_rows
from strata.base import files, tables
from strata.base.errors import StrataError
from strata.base.storage import KINDS
from strata.labels import Labels, read_labels
from strata.prior import read_prior_shift
from strata.scoring import scores
from strata.settings.overrides import Overrides
from strata.settings.yaml_loader import read_yaml
from strata.sweeping.experiment import TARGET
from strata.sweeping.workspace import Workspace

CURVE = "plots/train/validation.csv"
SECONDS = 0.2  # from one look at a training's scores to the next
DVC_LINE = re.compile(rb"^ERROR: .+$", re.MULTILINE)
RUNNING_LINE = re.compile(rb"^Running stage '(\w+)':\n", re.MULTILINE)
TRACEBACK = b"Traceback (most recent call last):"
TRAINING_LINE = f"Running stage '{TARGET}':".encode()  # before it, DVC brings the commit's curve back for a while
EXIT_CODE = re.compile(rb"exited with (-?\d+)")
FLOATING_POINT_OPERATIONS = 6  # a weight and token: Kaplan et al., "Scaling Laws for Neural Language Models", 2020

Report = Callable[[int, float], bool]
"""Takes a share of the trial in percent and the score there; returns whether the trial is to be stopped."""


class Scored(NamedTuple):
    """What a trial found out."""

    rows: pd.DataFrame  # validation rows: id, label, probabilities, unit; with folds, those of all of them
    labels: Labels
    compute: float  # floating-point operations of the training, roughly
    experiments: list[str]


class Pruned(Exception):
    """The trial was stopped since it was hopeless."""


def run(
    workspace: Workspace,
    name: str,
    overrides: Overrides,
    folds: int | None,
    metric: str,
    report: Report,
    hand_over: Callable[[str], None],
    log: Path,
    share: dict[str, str],
) -> Scored:
    """Run a trial's experiments, NAME or NAME-fold0, NAME-fold1, ...

    metric, folds: of the sweep. hand_over: takes the name of each experiment that is complete, in the workspace.
    share: of the machine, as environment variables.
    Raises: StrataError with the reason when a stage fails; Pruned when `report` says so.
    """
    if not folds:
        return _run_one(
            workspace, name, overrides, Curve(workspace.folder, metric, report).is_hopeless, hand_over, log, share
        )
    parts = []
    for fold in range(folds):
        settings = overrides | {"split.validation_folds": folds, "split.validation_fold": fold}
        path = log.with_name(f"{log.stem}-fold{fold}{log.suffix}")
        parts.append(_run_one(workspace, f"{name}-fold{fold}", settings, None, hand_over, path, share))
        mean = float(np.mean([score(part.rows, part.labels, metric) for part in parts]))
        if report(round(100 * (fold + 1) / folds), mean):
            raise Pruned
    rows = pd.concat([part.rows.assign(fold=i) for i, part in enumerate(parts)], ignore_index=True)
    rows["unit"] = rows.groupby(["fold", "unit"], sort=True).ngroup()
    names = [name for part in parts for name in part.experiments]
    return Scored(rows.drop(columns="fold"), parts[0].labels, sum(part.compute for part in parts), names)


def _run_one(
    workspace: Workspace,
    name: str,
    overrides: Overrides,
    watch: Callable[[], bool] | None,
    hand_over: Callable[[str], None],
    log: Path,
    share: dict[str, str],
) -> Scored:
    """Run one experiment. watch: looks at the scores so far, returns whether to stop."""
    workspace.set(name, overrides)
    (workspace.folder / CURVE).unlink(missing_ok=True)
    process = workspace.start(name, log, share)
    try:
        while process.poll() is None:
            if watch and TRAINING_LINE in log.read_bytes() and watch():
                raise Pruned
            time.sleep(SECONDS)
        if process.returncode:
            raise StrataError(reason(log.read_bytes(), process.returncode))
        if watch and watch():
            raise Pruned
    except (Pruned, StrataError) as error:
        if not is_full_disk(str(error)):  # such a trial runs again
            workspace.remove_snapshots(name)
        raise
    finally:
        workspace.end_process()
        process.wait()
    hand_over(name)
    return outcome(workspace.folder, [name])


class Curve:
    """The evaluations of a training, each of which is reported once."""

    def __init__(self, folder: Path, metric: str, report: Report):
        self.folder, self.metric, self.report, self.reported = folder, metric, report, 0

    def is_hopeless(self) -> bool:
        """Report the evaluations since the last call, in order. Returns: whether to stop."""
        try:
            values = pd.read_csv(self.folder / CURVE)[self.metric].iloc[self.reported :]
        except (OSError, pd.errors.EmptyDataError):
            return False
        if values.empty:
            return False
        train = read_yaml(self.folder / "params.yaml")["train"]
        evaluations = train["epochs"] * train["evaluations_per_epoch"]
        for value in values:
            self.reported += 1
            share = round(100 * self.reported / evaluations)
            if self.report(share, float(value)):
                return True
        return False


def reason(log: bytes, code: int) -> str:
    """Return why an experiment failed, from what it printed."""
    of_dvc = DVC_LINE.findall(log)
    of_stage = EXIT_CODE.findall(of_dvc[-1]) if of_dvc else []
    killed = [int(other) for other in (*of_stage, code) if int(other) < 0 or (of_stage and 128 < int(other) < 255)]
    if killed:
        return f"killed by the system (exit code {killed[0]}), probably out of memory"
    lines = (_last_stage(log) if of_stage else []) or of_dvc or log.splitlines()
    return lines[-1].decode(errors="replace") if lines else f"exit code {code}"


def _last_stage(log: bytes) -> list[bytes]:
    """Return the output of the last stage: all lines if there is a traceback, else those that start with its name.

    The last line always starts with its name.
    """
    running = list(RUNNING_LINE.finditer(log))
    if not running:
        return []
    name, said = running[-1][1], log[running[-1].end() :].splitlines()
    lines = [line for line in said if line.strip() and not line.startswith((b"> ", b"ERROR: "))]
    own = [line for line in lines if line.startswith(name + b": ")]
    if own and not any(TRACEBACK in line for line in lines):
        return own
    return [name + b": " + line for line in lines]


def fails_every_trial(reason: str) -> bool:
    """Whether every trial of a search would fail for this reason: a search varies nothing that this stage reads."""
    return reason.startswith(("ingest: ", "standardize: ", "split: "))


def is_full_disk(reason: str) -> bool:
    """Whether a trial failed because the disk, or the user's share of it, is full. It may succeed later."""
    kinds = (errno.ENOSPC, errno.EDQUOT)
    return any(words in reason for kind in kinds for words in (KINDS[kind][0], os.strerror(kind)))


def outcome(folder: Path, experiments: list[str]) -> Scored:
    """Read what a finished trial left in its workspace. The probabilities are shifted to the natural prior."""
    rows, labels = validation_rows.read(folder / "data/train"), read_labels(folder / "data/standardize/labels.json")
    shift = read_prior_shift(folder / "data/resample/prior.json").training
    logits = np.log(np.clip(np.stack(rows["probabilities"]), 1e-300, None)) + shift
    units = tables.read(folder / "data/split/units.parquet").set_index("id")["unit"]
    rows = rows.assign(probabilities=list(np.exp(log_softmax(logits, axis=1))), unit=units.loc[rows["id"]].to_numpy())
    metrics = files.read_json(folder / "metrics/train.json")
    compute = FLOATING_POINT_OPERATIONS * weights(folder / "models/train/model.safetensors") * metrics["tokens"]
    return Scored(rows, labels, float(compute), experiments)


def weights(path: Path) -> int:
    """Return how many weights a model has, without its embeddings, which only look up."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as content:
        names = [name for name in content.keys() if "embeddings" not in name]  # noqa: SIM118, no mapping
        return sum(int(np.prod(content.get_slice(name).get_shape())) for name in names)


def score(rows: pd.DataFrame, labels: Labels, metric: str) -> float:
    """Return a metric of validation rows. Raises: StrataError where it is undefined."""
    name = "log_loss" if metric == "loss" else metric
    value = scores(rows["label"].to_numpy(), np.stack(rows["probabilities"]), labels.positive_id)[name]
    if value is None:
        raise StrataError(f"{metric} is undefined on these validation rows, which have one label only")
    return value
