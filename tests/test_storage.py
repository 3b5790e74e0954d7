"""A full disk, a limit on files or a folder that is read-only: one sentence, and what was there is kept."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from strata.base import files
from strata.base.errors import StrataError
from strata.base.storage import storage_error
from tests.conftest import DVC, ROOT, STAGES


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (
            errno.ENOSPC,
            r"out: cannot be written \(the disk is full, [\d,]+ MB are free\); nothing .* yet; free some",
        ),
        (
            errno.EDQUOT,
            r"out: cannot be written \(your share of the disk is used up, [\d,]+ MB are free\); .*free some",
        ),
        (errno.EFBIG, r"out: cannot be written \(the system allows no larger file\); .*raise the limit: ulimit"),
        (errno.EROFS, r"out: cannot be written \(the file system is read-only\); .*make it writable and run again"),
        (errno.EACCES, r"out: cannot be written \(this user may not write there\); .*make it writable and run again"),
        (errno.ENAMETOOLONG, r"out: cannot be written \(its name is too long\); .*choose a shorter one and run again"),
    ],
)
def test_errors_of_the_disk_name_the_output(tmp_path, number, sentence):
    for error in (
        OSError(number, os.strerror(number)),
        RuntimeError(f"I/O error: {os.strerror(number)} (os error {number})"),
    ):
        for write in (files.replace_folder, files.replace_file):
            with pytest.raises(StrataError, match=sentence), write(tmp_path / "out"):
                raise error
            with (
                pytest.raises(StrataError, match=sentence),
                files.replace_folder(tmp_path / "out") as out,
                files.replace_file(out / "rows.parquet"),
            ):
                raise error
        assert not list(tmp_path.iterdir())


def test_what_was_there_before_is_kept_and_said(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/rows").write_text("earlier")
    with pytest.raises(StrataError, match="what was there before is kept"), files.replace_folder(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "full")
    assert (tmp_path / "out/rows").read_text() == "earlier"


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(PermissionError), files.replace_folder(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "denied", "/elsewhere/input.csv")
    with pytest.raises(ValueError, match="a value"), files.replace_folder(tmp_path / "out"):
        raise ValueError("a value")
    error = storage_error(PermissionError(errno.EACCES, "denied", "input.csv"))
    assert str(error) == "input.csv: this user may neither read nor write it; change its permissions and run again"
    assert storage_error(PermissionError(errno.EPERM, "denied")) is None
    assert storage_error(ValueError("errno 28 in a text")) is not None
    assert storage_error(StrataError("errno 28 in a text")) is None


@pytest.mark.slow
@pytest.mark.parametrize("stage", [name for name in STAGES if name != "adapt"])
def test_a_limit_on_files_is_one_sentence_in_every_stage(copy_of_trained, stage):
    """The limit is a size that is smaller than what the stage writes, so that it fails in the middle of it."""
    argv = DVC["stages"][stage]["cmd"].replace("${recipe}", "sample").split()[1:]
    done = subprocess.run(
        [sys.executable, "-B", *argv],
        cwd=copy_of_trained.root,
        env=os.environ | {"PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(copy_of_trained.root)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    told = done.stderr.strip().splitlines()[-1]
    assert told.startswith(f"{stage}: "), done.stderr
    assert "cannot be written (the system allows no larger file)" in told, told
    assert "STRATA_TRACEBACK" not in done.stderr
    assert not list(Path(copy_of_trained.root).glob("*/.*.partial"))
