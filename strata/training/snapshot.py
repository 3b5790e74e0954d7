"""The saved state of an unfinished run, from which the next run resumes: outside DVC's outputs.

One file holds weights, moments and counters. It is written under another name, flushed to the disk and then moved into
place, so the previous state stays complete until then.
"""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from strata.base import files
from strata.base.errors import StrataError
from strata.settings import params
from strata.training.launched import is_launched

KEPT = 3  # unfinished runs whose state is kept; older ones are removed
STATE, BATCH, LOCK = "state.safetensors", "batch.json", "lock"


class Snapshots:
    """The state of one run of a stage, in a folder of its own. Only one process, the writer, reads and writes it.

    key: of the run, see run_key. parent: id of the process that started this one.
    """

    def __init__(self, stage: str, folder: Path, key: str, settings: params.Snapshots, is_writer: bool, parent: int):
        self.stage, self.folder, self.settings = stage, folder / key, settings
        self.is_writer, self.parent = is_writer, parent
        self.last_save = time.monotonic()
        if not is_writer:
            return
        try:
            self._lock()
        except OSError as error:
            raise StrataError(f"{folder}: no state can be saved there ({error.strerror}); make it writable") from None
        self._remove_old(folder)

    def _lock(self) -> None:
        """Wait until no other process works on this run. One whose parent was killed ends after its step."""
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = (self.folder / LOCK).open("w")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"{self.stage}: waiting for another process working on the same run", flush=True)
                fcntl.flock(self.lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):  # the other process has finished and removed the folder
                if os.path.samestat(os.fstat(self.lock.fileno()), (self.folder / LOCK).stat()):
                    return

    def _remove_old(self, folder: Path) -> None:
        """Remove the oldest states of other runs, and the folders of runs that ended before they saved a state."""
        others = [path for path in folder.iterdir() if path != self.folder]
        states = sorted((p for p in others if (p / STATE).exists()), key=lambda p: (p / STATE).stat().st_mtime)
        for other in [*states[: -KEPT + 1], *(p for p in others if not (p / STATE).exists())]:
            with contextlib.suppress(OSError), (other / LOCK).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if a process works on that run
                shutil.rmtree(other)

    def check_parent(self) -> None:
        """Stop if DVC started this process and has ended; the next dvc repro resumes. Raises: StrataError."""
        if "DVC_STAGE" in os.environ and _has_ended(self.parent):
            raise StrataError(
                "dvc, which started this process, has ended; run dvc repro to resume from the last snapshot"
            )

    def is_due(self, step: int) -> bool:
        """Whether to save a state after this step."""
        if not self.is_writer:
            return False
        if self.settings.steps:
            return step % self.settings.steps == 0
        return time.monotonic() - self.last_save >= 60 * self.settings.minutes

    def save(self, tensors: dict[str, torch.Tensor], counters: dict) -> None:
        """Replace the saved state. Raises: StrataError when it cannot be written; the previous state is kept."""
        path = self.folder / STATE
        try:
            with files.replace_file(path) as partial:
                contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
                save_file(contiguous, partial, metadata={"counters": json.dumps(counters)})
                with partial.open("rb") as content:
                    os.fsync(content.fileno())  # else a power cut could leave an empty file
        except Exception as error:  # for a full disk, safetensors raises an error of its own
            kept = "the previous state is kept" if path.exists() else "no state is saved"
            raise StrataError(
                f"{path}: the state after step {counters['step']:,} cannot be written ({str(error).strip()}); {kept}: "
                "free some disk space and run again"
            ) from None
        self.last_save = time.monotonic()

    def load(self) -> tuple[dict[str, torch.Tensor], dict] | None:
        """Return the saved tensors and counters; None without a state, and in processes other than the writer."""
        path = self.folder / STATE
        if not self.is_writer or not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as content:
                counters = json.loads(content.metadata()["counters"])
                return {name: content.get_tensor(name) for name in content.keys()}, counters  # noqa: SIM118, no mapping
        except Exception:  # any error: the disk may have damaged any part of the file
            print(f"{self.stage}: {path} cannot be read; training starts from the beginning")
            path.unlink(missing_ok=True)
            return None

    def note_batch(self, where: str, rows: int, tokens: int) -> None:
        """Write down the next batch, so that the next run can report where the system killed this one."""
        if not self.is_writer:
            return
        with contextlib.suppress(OSError):  # if the disk is full, saving the state will raise an error
            (self.folder / BATCH).write_text(
                json.dumps({"where": where, "rows": rows, "tokens": tokens}), encoding="utf-8"
            )

    @contextlib.contextmanager
    def forgetting_batch_on_error(self) -> Iterator[None]:
        """Remove the note of the last batch if the block raises a StrataError, which says why the run ends."""
        try:
            yield
        except StrataError:
            if self.is_writer:
                (self.folder / BATCH).unlink(missing_ok=True)
            raise

    def last_batch(self) -> dict | None:
        """Return what `note_batch` wrote last; None without a note, and in processes other than the writer."""
        if not self.is_writer:
            return None
        try:
            return json.loads((self.folder / BATCH).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        """Remove the state of a finished run."""
        if self.is_writer:
            shutil.rmtree(self.folder, ignore_errors=True)


def _has_ended(process: int) -> bool:
    """Whether the process that started this one, or the one that started its launcher, has ended."""
    if os.getppid() == process:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return not is_launched()  # a launched process has the launcher as its parent
