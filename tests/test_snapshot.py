"""A training run that was killed resumes and ends in the same bytes; a changed run does not resume."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch

from strata.base.errors import StrataError
from strata.settings import params
from strata.training import launched, memory
from strata.training.run_key import run_key
from strata.training.snapshot import KEPT, STATE, Snapshots
from tests.conftest import DVC, ROOT
from tests.test_train import copy, weights  # noqa: F401, the fixture of that name

STEPS = 36  # 84 rows / 16 = 6 steps an epoch, 6 epochs


def train(project, before: str = "", fails: bool = False) -> str:
    return run_stage("train", project, before, fails)


def run_stage(stage: str, project, before: str = "", fails: bool = False) -> str:
    """Run a stage in a process of its own, after some lines of Python. Return what it prints."""
    argv = DVC["stages"][stage]["cmd"].split()[3:]
    code = f"import sys; sys.argv[1:] = {argv!r}\nfrom stages.{stage} import __main__\n{before}\n"
    code += f"from strata.base import command_line; command_line.run(__main__.main, {stage!r})"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def end_at(where: str, number: int) -> str:
    """Return code that kills the process at the start of a function's call with that number, from 1."""
    owner, name = where.rsplit(".", 1)
    return f"""
import os
import signal
from stages.train import trainable, training, validation
from strata.training import run, snapshot
original, calls = {owner}.{name}, []
def killed(*args, **kwargs):
    calls.append(1)
    if len(calls) == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)
{owner}.{name} = killed"""


@pytest.mark.slow
def test_a_run_killed_several_times_ends_in_the_same_bytes_as_one_that_was_not(trained, copy):  # noqa: F811
    copy.params(snapshots={"steps": 4})
    assert "resumes" not in train(copy, end_at("run.Run.step", 3), fails=True)  # before the first save
    train(copy, end_at("run.Run.step", 11), fails=True)
    output = train(copy, end_at("snapshot.os.fsync", 2), fails=True)  # after writing, before moving into place
    assert f"resumes after step 8 of {STEPS}" in output
    assert "an earlier run of 36 steps ended in step 10, on a batch of " in output
    output = train(copy, end_at("validation.validation_probabilities", 2), fails=True)
    assert f"resumes after step 12 of {STEPS}" in output
    output = train(copy, end_at("trainable.save", 1), fails=True)
    assert not (copy.root / "models/train").exists()
    assert f"resumes after step 32 of {STEPS}" in train(copy)
    assert weights(copy) == weights(trained)
    for name in ("metrics/train.json", "plots/train/training.csv", "plots/train/validation.csv"):
        assert (copy.root / name).read_bytes() == (trained.root / name).read_bytes(), name
    assert list((copy.root / "snapshots").iterdir()) == [], "the state of a finished run is removed"


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"train": {"lr": 0.004}}, {"seed": 7}, {"tokenize": {"max_length": 8}}], ids=str)
def test_a_changed_run_does_not_resume(copy, change):  # noqa: F811
    copy.params(snapshots={"steps": 4})
    train(copy, end_at("run.Run.step", 11), fails=True)
    copy.params(**change)
    if "tokenize" in change:
        copy.run("tokenize")
    assert "resumes" not in train(copy)
    assert len(list((copy.root / "snapshots").iterdir())) == 1, "the state of the unfinished run is kept"


@pytest.mark.slow
def test_a_full_disk_is_reported_and_the_previous_state_kept(trained, copy):  # noqa: F811
    copy.params(snapshots={"steps": 4})
    full = """
import resource
from strata.training import run, snapshot
original = snapshot.Snapshots.save
def save(self, tensors, counters):
    if counters["step"] == 12:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    original(self, tensors, counters)
snapshot.Snapshots.save = save"""
    output = train(copy, full, fails=True)
    assert "the state after step 12 cannot be written" in output
    assert "the previous state is kept: free some disk space and run again" in output
    assert not list((copy.root / "snapshots").rglob("*.partial"))
    assert f"resumes after step 8 of {STEPS}" in train(copy)
    assert weights(copy) == weights(trained)


@pytest.fixture
def settings() -> params.Snapshots:
    return params.Snapshots(minutes=1, steps=2)


def test_with_a_damaged_state_training_starts_from_the_beginning(tmp_path, settings, capsys):
    snapshots = Snapshots("train", tmp_path, "run", settings, is_writer=True, parent=os.getppid())
    assert snapshots.load() is None
    snapshots.save({"weight.a": torch.ones(3)}, {"step": 2})
    tensors, counters = snapshots.load()
    assert tensors["weight.a"].tolist() == [1.0, 1.0, 1.0]
    assert counters == {"step": 2}
    path = tmp_path / "run" / STATE
    path.write_bytes(path.read_bytes()[:20])
    assert snapshots.load() is None
    assert "cannot be read; training starts from the beginning" in capsys.readouterr().out


def test_only_the_states_of_the_last_runs_are_kept(tmp_path, settings):
    for i in range(KEPT + 3):
        run = Snapshots("train", tmp_path, f"run {i}", settings, is_writer=True, parent=os.getppid())
        run.save({"weight": torch.ones(1)}, {"step": 1})
        os.utime(tmp_path / f"run {i}" / STATE, (i, i))
        run.lock.close()
    for i in range(5):  # they end before they save a state, so no older state is removed for them
        Snapshots("train", tmp_path, f"failed {i}", settings, is_writer=True, parent=os.getppid()).lock.close()
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["failed 4", *(f"run {i}" for i in range(4, KEPT + 3))]


def test_the_state_of_a_running_process_is_not_removed(tmp_path, settings):
    running = Snapshots("train", tmp_path, "running", settings, is_writer=True, parent=os.getppid())
    Snapshots("train", tmp_path, "other", settings, is_writer=True, parent=os.getppid())
    assert running.folder.exists()


def test_the_error_names_a_folder_that_cannot_be_written(tmp_path, settings):
    (tmp_path / "file").write_text("")
    with pytest.raises(StrataError, match=r"file: no state can be saved there \(Not a directory\); make it writable"):
        Snapshots("train", tmp_path / "file", "run", settings, is_writer=True, parent=os.getppid())


@pytest.mark.slow
def test_a_killed_bf16_run_ends_in_the_same_bytes(copy):  # noqa: F811
    any_cpu = "from strata.model import precision; precision.choose = lambda setting: 'bf16'"
    copy.params(train={"epochs": 3}, snapshots={"steps": 4})
    train(copy, any_cpu)
    expected = weights(copy)
    train(copy, f"{any_cpu}\n{end_at('run.Run.step', 11)}", fails=True)
    assert "resumes after step 8 of 18" in train(copy, any_cpu)
    assert weights(copy) == expected


@pytest.mark.slow
def test_two_processes_that_were_killed_resume_together_and_end_in_the_same_bytes(copy):  # noqa: F811
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
    assert re.search(r"resumes after step \d+ of 36", train(copy))
    assert weights(copy) == expected


def test_a_state_is_due_by_steps_or_by_minutes(tmp_path):
    by_steps = Snapshots(
        "train", tmp_path, "run", params.Snapshots(minutes=1e-9, steps=3), is_writer=True, parent=os.getppid()
    )
    assert [by_steps.is_due(step) for step in range(1, 7)] == [False, False, True, False, False, True]
    assert not Snapshots(
        "train", tmp_path, "run", params.Snapshots(minutes=1e-9, steps=1), is_writer=False, parent=os.getppid()
    ).is_due(1)
    assert Snapshots(
        "train", tmp_path, "other", params.Snapshots(minutes=1e-9, steps=None), is_writer=True, parent=os.getppid()
    ).is_due(1)
    assert not Snapshots(
        "train", tmp_path, "third", params.Snapshots(minutes=1e9, steps=None), is_writer=True, parent=os.getppid()
    ).is_due(1)


def test_a_process_whose_dvc_has_ended_stops(tmp_path, settings, monkeypatch):
    snapshots = Snapshots("train", tmp_path, "run", settings, is_writer=True, parent=os.getppid())
    monkeypatch.setattr(os, "getppid", lambda: 1)
    snapshots.check_parent()  # started by hand, it continues after its shell is closed
    monkeypatch.setenv("DVC_STAGE", "train")
    with pytest.raises(StrataError, match="dvc, which started this process, has ended"):
        snapshots.check_parent()
    monkeypatch.setenv(launched.STARTED_BY, str(snapshots.parent))
    snapshots.check_parent()  # a launched process has the launcher as its parent
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    snapshots.parent = ended.pid
    with pytest.raises(StrataError, match="dvc, which started this process, has ended"):
        snapshots.check_parent()


def test_the_out_of_memory_error_names_the_batch_and_what_to_lower():
    with (
        pytest.raises(StrataError, match=r"memory ran out in step 7, on a batch of 32 rows of up to 512 tokens; lower"),
        memory.explained("in step 7", 32, 512, "lower the batch size"),
    ):
        torch.empty(10**15)
    with pytest.raises(RuntimeError, match="another"), memory.explained("in step 1", 1, 1, ""):
        raise RuntimeError("another")


@pytest.fixture
def project_with_code(tmp_path) -> Path:
    """A folder with dvc.yaml and the code, and an input."""
    for name in ("stages", "strata"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "input").mkdir()
    (tmp_path / "input/rows").write_text("1", encoding="utf-8")
    return tmp_path


def key(root: Path) -> str:
    return run_key("train", {"seed": 1}, root / "input", root=root)


@pytest.mark.parametrize(
    ("path", "changes_key"),
    [
        ("stages/train/loss.py", True),
        ("strata/model/tokens.py", True),
        ("strata/scoring.py", True),
        ("input/rows", True),
        ("strata/decision.py", False),
        ("stages/report/__main__.py", False),
        ("dvc.yaml", False),
    ],
)
def test_the_key_of_a_run_depends_on_its_input_and_on_the_code_that_dvc_yaml_lists(
    project_with_code, path, changes_key
):
    before = key(project_with_code)
    with (project_with_code / path).open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    assert (key(project_with_code) != before) == changes_key


def test_compiled_python_and_the_location_of_the_project_do_not_change_the_key(project_with_code, tmp_path):
    before = key(project_with_code)
    (project_with_code / "stages/train/__pycache__").mkdir()
    (project_with_code / "stages/train/__pycache__/loss.pyc").write_bytes(b"compiled")
    assert key(project_with_code) == before
    shutil.copytree(project_with_code, tmp_path / "moved")
    assert key(tmp_path / "moved") == before


def test_a_module_moved_to_another_folder_changes_the_key(project_with_code):
    before = key(project_with_code)
    (project_with_code / "stages/train/inner").mkdir()
    (project_with_code / "stages/train/loss.py").rename(project_with_code / "stages/train/inner/loss.py")
    assert key(project_with_code) != before


def test_without_dvc_yaml_or_a_listed_module_the_error_says_so(project_with_code):
    (project_with_code / "strata/scoring.py").unlink()
    with pytest.raises(StrataError, match=r"strata/scoring.py: no such file or folder, but the key of a snapshot"):
        key(project_with_code)
    (project_with_code / "dvc.yaml").unlink()
    with pytest.raises(StrataError, match=r"dvc.yaml: no such file; it must be next to stages/"):
        key(project_with_code)
