"""What a killed stage leaves is removed by the next one, and a stage ends with DVC."""

import os
import select
import subprocess
import sys
import time

import pytest

from strata.base import files, leftovers
from strata.base.errors import StrataError
from tests.conftest import ROOT


@pytest.fixture
def project_folder(tmp_path):
    (tmp_path / "dvc.yaml").touch()
    for name in ("data", "models", "plots", "metrics"):
        (tmp_path / name).mkdir()
    return tmp_path


def left(folder):
    (folder / "inside").mkdir(parents=True)
    (folder / "inside/half.txt").write_text("half")
    return folder


def test_folders_that_killed_stages_left_are_removed_wherever_they_are(project_folder):
    paths = [left(project_folder / name) for name in ("data/.ingest.partial", "models/.quantize.partial")]
    paths += [left(project_folder / "plots/.standardize.partial"), left(project_folder / "data/.split.previous")]
    left(project_folder / "data/split")
    kept = [left(project_folder / name) for name in ("data/raw/.mine.partial", "data/.hidden", "data/ingest.partial")]
    leftovers.remove(project_folder)
    assert not [path for path in paths if path.exists()]
    assert all(path.exists() for path in [*kept, project_folder / "data/split/inside/half.txt"])


def test_an_output_that_a_kill_left_under_another_name_gets_its_own_back(project_folder):
    left(project_folder / "data/.split.previous")
    leftovers.remove(project_folder)
    assert (project_folder / "data/split/inside/half.txt").exists()


def test_a_folder_that_is_being_written_stays(project_folder):
    out = project_folder / "models/quantize"
    with files.replace_folder(out) as partial:
        (partial / "model").touch()
        leftovers.remove(project_folder)
        assert (partial / "model").exists()
    assert (out / "model").exists()
    leftovers.remove(project_folder)
    assert (out / "model").exists()


def test_a_file_goes_when_it_is_old(project_folder):
    young, old = (project_folder / f"metrics/.{name}.json.partial" for name in ("train", "split"))
    for path in (young, old):
        path.touch()
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    leftovers.remove(project_folder)
    assert young.exists()
    assert not old.exists()


def test_nothing_is_removed_where_there_is_no_project(tmp_path):
    path = left(tmp_path / "data/.ingest.partial")
    leftovers.remove(tmp_path)
    assert path.exists()


def test_any_stage_removes_what_another_left(project):
    path = left(project.root / "models/.quantize.partial")
    project.params(train={"lrr": 1})
    with pytest.raises(StrataError, match="unknown key"):
        project.run("ingest")
    assert not path.exists()


STAGE = """
import sys, time
from strata.base import command_line

def main():
    print(__import__("os").getpid(), flush=True)
    if sys.argv[1] == "work":
        while True:  # as code in Python does, which holds the interpreter
            sum(range(10_000))
    time.sleep(600)

command_line.run(main, "stage")
"""
DVC = """
import os, subprocess, sys
os.environ["DVC_STAGE"] = "stage"
command = f'"{sys.executable}" stage.py {sys.argv[2]}'
shells = {"none": [sys.executable, "stage.py", sys.argv[2]], "one": ["/bin/sh", "-c", command]}
shells["stays"] = ["/bin/sh", "-c", f"{command}; true"]
subprocess.run(shells[sys.argv[1]])
"""


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["none", "one", "stays"])
@pytest.mark.parametrize("what", ["wait", "work"])
def test_a_stage_ends_when_dvc_was_killed(tmp_path, shell, what):
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "dvc.py").write_text(DVC)
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "dvc.py", shell, what], cwd=tmp_path, env=env, **pipes) as dvc:
        stage = os.pidfd_open(int(dvc.stdout.readline()))
        assert not select.select([stage], [], [], 0)[0]
        dvc.kill()
        assert select.select([stage], [], [], 30)[0]
        assert b"dvc, which started this stage, has ended" in dvc.stderr.read()
