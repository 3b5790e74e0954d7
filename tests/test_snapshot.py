"""A training that is ended anywhere goes on by itself, and ends in the same bytes."""

import os
import re
import subprocess
import sys

import psutil
import pytest
import torch

from stages.train import launch, memory
from stages.train.snapshot import KEPT, STATE, Snapshots
from strata.base.errors import StrataError
from strata.settings import params
from tests.conftest import DVC, ROOT
from tests.test_train import copy, weights  # noqa: F401, the fixture of that name

STEPS = 36  # 84 rows / 16 = 6 steps an epoch, 6 epochs


def train(project, before: str = "", fails: bool = False) -> str:
    """Run the train stage in a process of its own, after some lines of Python."""
    argv = DVC["stages"]["train"]["cmd"].split()[3:]
    code = f"import sys; sys.argv[1:] = {argv!r}\nfrom stages.train import __main__\n{before}\n"
    code += "from strata.base import command_line; command_line.run(__main__.main, 'train')"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def end_at(where: str, number: int) -> str:
    """Lines that kill the process at the beginning of the numberth call of a function."""
    owner, name = where.rsplit(".", 1)
    return f"""
import os
import re
from stages.train import model, snapshot, training
original, calls = {owner}.{name}, []
def ended(*args, **kwargs):
    calls.append(1)
    if len(calls) == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)
{owner}.{name} = ended"""


@pytest.mark.slow
def test_a_run_killed_several_times_ends_in_the_bytes_of_one_that_was_not(trained, copy):  # noqa: F811
    copy.params(snapshots={"steps": 4})
    assert "goes on" not in train(copy, end_at("training.Training.step", 3), fails=True)  # before the first save
    train(copy, end_at("training.Training.step", 11), fails=True)
    said = train(copy, end_at("snapshot.os.fsync", 2), fails=True)  # the state is written, and not yet in its place
    assert f"goes on after step 8 of {STEPS}" in said
    assert "an earlier run ended in step 10 of 36 steps, at a batch of " in said
    said = train(copy, end_at("training.Training.score_validation", 2), fails=True)
    assert f"goes on after step 12 of {STEPS}" in said
    said = train(copy, end_at("model.save", 1), fails=True)
    assert not (copy.root / "models/train").exists()
    assert f"goes on after step 32 of {STEPS}" in train(copy)
    assert weights(copy) == weights(trained)
    for name in ("metrics/train.json", "plots/train/training.csv", "plots/train/validation.csv"):
        assert (copy.root / name).read_bytes() == (trained.root / name).read_bytes(), name
    assert list((copy.root / "snapshots").iterdir()) == [], "the state of a run that is done is removed"


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"train": {"lr": 0.004}}, {"seed": 7}, {"tokenize": {"max_length": 8}}], ids=str)
def test_a_changed_run_takes_over_no_state(copy, change):  # noqa: F811
    copy.params(snapshots={"steps": 4})
    train(copy, end_at("training.Training.step", 11), fails=True)
    copy.params(**change)
    if "tokenize" in change:
        copy.run("tokenize")
    assert "goes on" not in train(copy)
    assert len(list((copy.root / "snapshots").iterdir())) == 1, "the state of the other run is kept"


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_state_before_is_kept(trained, copy):  # noqa: F811
    copy.params(snapshots={"steps": 4})
    full = """
import resource
from stages.train import snapshot
original = snapshot.Snapshots.save
def save(self, tensors, counters):
    if counters["step"] == 12:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    original(self, tensors, counters)
snapshot.Snapshots.save = save"""
    said = train(copy, full, fails=True)
    assert "the state after step 12 cannot be written" in said
    assert "the state before it is kept: free some disk space and run again" in said
    assert not list((copy.root / "snapshots").rglob("*.partial"))
    assert f"goes on after step 8 of {STEPS}" in train(copy)
    assert weights(copy) == weights(trained)


@pytest.fixture
def settings() -> params.Snapshots:
    return params.Snapshots(minutes=1, steps=2)


def test_a_damaged_state_starts_anew(tmp_path, settings, capsys):
    snapshots = Snapshots(tmp_path, "run", settings, is_writer=True, parent=os.getppid())
    assert snapshots.load() is None
    snapshots.save({"weight.a": torch.ones(3)}, {"step": 2})
    tensors, counters = snapshots.load()
    assert tensors["weight.a"].tolist() == [1.0, 1.0, 1.0]
    assert counters == {"step": 2}
    path = tmp_path / "run" / STATE
    path.write_bytes(path.read_bytes()[:20])
    assert snapshots.load() is None
    assert "cannot be read; training starts anew" in capsys.readouterr().out


def test_only_the_states_of_the_last_runs_are_kept(tmp_path, settings):
    for i in range(KEPT + 3):
        run = Snapshots(tmp_path, f"run {i}", settings, is_writer=True, parent=os.getppid())
        run.save({"weight": torch.ones(1)}, {"step": 1})
        os.utime(tmp_path / f"run {i}" / STATE, (i, i))
        run.lock.close()
    for i in range(5):  # they end before they have saved anything, and cost no other run its state
        Snapshots(tmp_path, f"failed {i}", settings, is_writer=True, parent=os.getppid()).lock.close()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["failed 4", *(f"run {i}" for i in range(4, KEPT + 3))]


def test_a_run_that_another_process_is_in_is_left_alone(tmp_path, settings):
    running = Snapshots(tmp_path, "running", settings, is_writer=True, parent=os.getppid())
    Snapshots(tmp_path, "other", settings, is_writer=True, parent=os.getppid())
    assert running.folder.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, settings):
    (tmp_path / "file").write_text("")
    with pytest.raises(StrataError, match=r"file: no state can be saved there \(Not a directory\); make it writable"):
        Snapshots(tmp_path / "file", "run", settings, is_writer=True, parent=os.getppid())


@pytest.mark.slow
def test_two_processes_that_were_killed_go_on_together_and_end_in_the_same_bytes(copy):  # noqa: F811
    copy.params(snapshots={"steps": 4}, train={"processes": 2})
    train(copy)
    expected = weights(copy)
    (copy.root / "models/train").rename(copy.root / "models/earlier")
    argv = [sys.executable, *DVC["stages"]["train"]["cmd"].split()[1:]]
    with subprocess.Popen(argv, cwd=copy.root, env=os.environ | {"PYTHONPATH": str(ROOT)}) as run:
        while run.poll() is None:
            notes = [note.read_text() for note in copy.root.glob("snapshots/*/batch.json")]
            if any(int(step) > 6 for note in notes for step in re.findall(r'"in step (\d+)"', note)):
                for process in [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]:
                    process.kill()
                break
    assert re.search(r"goes on after step \d+ of 36", train(copy))
    assert weights(copy) == expected


def test_when_a_state_is_saved(tmp_path):
    by_steps = Snapshots(tmp_path, "run", params.Snapshots(minutes=1e-9, steps=3), is_writer=True, parent=os.getppid())
    assert [by_steps.is_due(step) for step in range(1, 7)] == [False, False, True, False, False, True]
    assert not Snapshots(
        tmp_path, "run", params.Snapshots(minutes=1e-9, steps=1), is_writer=False, parent=os.getppid()
    ).is_due(1)
    assert Snapshots(
        tmp_path, "other", params.Snapshots(minutes=1e-9, steps=None), is_writer=True, parent=os.getppid()
    ).is_due(1)
    assert not Snapshots(
        tmp_path, "third", params.Snapshots(minutes=1e9, steps=None), is_writer=True, parent=os.getppid()
    ).is_due(1)


def test_a_process_whose_dvc_has_ended_stops(tmp_path, settings, monkeypatch):
    snapshots = Snapshots(tmp_path, "run", settings, is_writer=True, parent=os.getppid())
    monkeypatch.setattr(os, "getppid", lambda: 1)
    snapshots.check_parent()  # run by hand, it goes on when its shell is closed
    monkeypatch.setenv("DVC_STAGE", "train")
    with pytest.raises(StrataError, match="dvc, which started this process, has ended"):
        snapshots.check_parent()
    monkeypatch.setenv(launch.STARTED_BY, str(snapshots.parent))
    snapshots.check_parent()  # one of a group has the launcher for a parent
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    snapshots.parent = ended.pid
    with pytest.raises(StrataError, match="dvc, which started this process, has ended"):
        snapshots.check_parent()


def test_memory_that_runs_out_names_the_batch_and_what_to_lower():
    with (
        pytest.raises(StrataError, match=r"memory ran out in step 7, at a batch of 32 rows of up to 512 tokens; lower"),
        memory.explained("in step 7", 32, 512),
    ):
        torch.empty(10**15)
    with pytest.raises(RuntimeError, match="another"), memory.explained("in step 1", 1, 1):
        raise RuntimeError("another")
