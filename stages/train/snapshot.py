"""Where a killed run goes on: one file with weights, moments and counters, outside DVC's outputs.

A run is known by a key of all that decides its result, so a changed parameter, row or line of code never takes over
another run's state. The file is written under another name, flushed to the disk and moved into place, so that the one
before is whole until the new one is.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from importlib import metadata
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from stages.train import launch
from strata.base import files
from strata.base.errors import StrataError
from strata.settings import params
from strata.settings.yaml_loader import read_yaml

KEPT = 3  # unfinished runs whose state is kept; older ones are removed
STATE, NOTE, LOCK = "state.safetensors", "batch.json", "lock"
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "peft")


def code_of_training() -> list[Path]:
    """Return the modules and folders of code that decide what training gives, as dvc.yaml lists them for train."""
    root = Path(__file__).parents[2]
    listed = read_yaml(root / "dvc.yaml")["stages"]["train"]["deps"]
    return [root / path for path in listed if path.startswith(("stages/", "strata/"))]


def run_key(settings: dict, *inputs: Path) -> str:
    """Return a key of a run: its settings, the bytes of its input files or folders, this code, and the libraries."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in [file for entry in (*code_of_training(), *inputs) for file in _files(entry)]:
        with path.open("rb") as content:
            digest.update(path.name.encode() + hashlib.file_digest(content, "sha256").digest())
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            digest.update(f"{name} {metadata.version(name)}".encode())
    digest.update(f"{torch.get_num_threads()} threads".encode())
    return digest.hexdigest()[:32]


def _files(path: Path) -> list[Path]:
    """Return the file, or those of the folder, in order; what Python has compiled is left out."""
    inside = [path] if path.is_file() else sorted(path.rglob("*"))
    return [file for file in inside if file.is_file() and "__pycache__" not in file.parts]


class Snapshots:
    """The state of one run in a folder of its own, which the first process of a group writes and reads.

    parent: the process that started this one, as it was when this one began.
    """

    def __init__(self, folder: Path, key: str, settings: params.Snapshots, is_writer: bool, parent: int):
        self.folder, self.settings, self.is_writer, self.parent = folder / key, settings, is_writer, parent
        self.last = time.monotonic()
        if not is_writer:
            return
        try:
            self._lock()
        except OSError as error:
            raise StrataError(f"{folder}: no state can be saved there ({error.strerror}); make it writable") from None
        self._remove_old(folder)

    def _lock(self) -> None:
        """Wait until no other process is in this run: one whose parent was killed ends after its step."""
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = (self.folder / LOCK).open("w")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("train: waits for another process that is in the same run", flush=True)
                fcntl.flock(self.lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):  # that process is done, and has removed the folder
                if os.path.samestat(os.fstat(self.lock.fileno()), (self.folder / LOCK).stat()):
                    return

    def _remove_old(self, folder: Path) -> None:
        """Remove the states of other runs but for the last ones, and folders of runs that ended before a state."""
        others = [path for path in folder.iterdir() if path != self.folder]
        states = sorted((p for p in others if (p / STATE).exists()), key=lambda p: (p / STATE).stat().st_mtime)
        for other in [*states[: -KEPT + 1], *(p for p in others if not (p / STATE).exists())]:
            with contextlib.suppress(OSError), (other / LOCK).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused where a process is in that run
                shutil.rmtree(other)

    def check_parent(self) -> None:
        """Stop where DVC started this process and has ended: the next dvc repro goes on. Raises: StrataError."""
        if "DVC_STAGE" in os.environ and _has_ended(self.parent):
            raise StrataError(
                "dvc, which started this process, has ended; run dvc repro again, which goes on from here"
            )

    def is_due(self, step: int) -> bool:
        """Whether a state is to be saved after this step."""
        if not self.is_writer:
            return False
        if self.settings.steps:
            return step % self.settings.steps == 0
        return time.monotonic() - self.last >= 60 * self.settings.minutes

    def save(self, tensors: dict[str, torch.Tensor], counters: dict) -> None:
        """Replace the saved state. Raises: StrataError when it cannot be written; the state before is whole."""
        path = self.folder / STATE
        try:
            with files.replace_file(path) as partial:
                held = {name: tensor.contiguous() for name, tensor in tensors.items()}
                save_file(held, partial, metadata={"counters": json.dumps(counters)})
                with partial.open("rb") as content:
                    os.fsync(content.fileno())  # a machine that loses power must not leave an empty file
        except Exception as error:  # safetensors raises an error of its own for a full disk
            kept = "the state before it is kept" if path.exists() else "no state is saved"
            raise StrataError(
                f"{path}: the state after step {counters['step']:,} cannot be written ({str(error).strip()}); {kept}: "
                "free some disk space and run again"
            ) from None
        self.last = time.monotonic()

    def load(self) -> tuple[dict[str, torch.Tensor], dict] | None:
        """Return the saved tensors and counters in the process that saves them, or None where there are none."""
        path = self.folder / STATE
        if not self.is_writer or not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as content:
                counters = json.loads(content.metadata()["counters"])
                return {name: content.get_tensor(name) for name in content.keys()}, counters  # noqa: SIM118, it is no mapping
        except Exception:  # a file that a failing disk has damaged
            print(f"train: {path} cannot be read; training starts anew")
            path.unlink(missing_ok=True)
            return None

    def note(self, where: str, rows: int, tokens: int) -> None:
        """Note the batch that is about to be computed, for the run after one that the system killed."""
        if not self.is_writer:
            return
        with contextlib.suppress(OSError):  # a full disk is told where the state is saved
            (self.folder / NOTE).write_text(
                json.dumps({"where": where, "rows": rows, "tokens": tokens}), encoding="utf-8"
            )

    def forget_note(self) -> None:
        """Remove the note, where the run has said itself why it ends."""
        if self.is_writer:
            (self.folder / NOTE).unlink(missing_ok=True)

    def noted(self) -> dict | None:
        """Return the last batch that was noted, in the process that notes them."""
        if not self.is_writer:
            return None
        try:
            return json.loads((self.folder / NOTE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        """Remove the state of a run that is done."""
        if self.is_writer:
            shutil.rmtree(self.folder, ignore_errors=True)


def _has_ended(process: int) -> bool:
    """Whether the process that started this one, or its launcher, is gone."""
    if os.getppid() == process:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return not launch.is_launched()  # whose parent is the launcher
