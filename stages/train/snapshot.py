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
import sys
import time
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from stages.shared import files, params
from stages.shared.command import StageError

KEPT = 3  # unfinished runs whose state is kept; older ones are removed
STATE, NOTE, LOCK = "state.safetensors", "batch.json", "lock"


def run_key(settings: dict, *inputs: Path) -> str:
    """Return a key of a run: its settings, the bytes of its input files or folders, this code, and the libraries."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    code = [Path(m.__file__) for name, m in sys.modules.items() if name.startswith("stages.") and m.__file__]
    found = [[path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()) for path in inputs]
    for path in [*sorted(code), *(path for paths in found for path in paths)]:
        with path.open("rb") as content:
            digest.update(path.name.encode() + hashlib.file_digest(content, "sha256").digest())
    digest.update(f"{torch.__version__} {torch.get_num_threads()}".encode())
    return digest.hexdigest()[:32]


class Snapshots:
    """The state of one run in a folder of its own, which the first process of a group writes and all read."""

    def __init__(self, folder: Path, key: str, settings: params.Snapshots, is_writer: bool):
        self.folder, self.settings, self.is_writer = folder / key, settings, is_writer
        self.folder.mkdir(parents=True, exist_ok=True)
        self.parent = os.getppid()
        self.last = time.monotonic()
        if not is_writer:
            return
        self._lock()
        others = sorted(
            (p for p in folder.iterdir() if p.is_dir() and p != self.folder), key=lambda p: p.stat().st_mtime
        )
        for other in others[: -KEPT + 1 or None] if len(others) >= KEPT else []:
            shutil.rmtree(other, ignore_errors=True)

    def _lock(self) -> None:
        """Wait until no other process is in this run: one whose parent was killed ends after its step."""
        self.lock = (self.folder / LOCK).open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("train: waits for another process that is in the same run", flush=True)
            fcntl.flock(self.lock, fcntl.LOCK_EX)

    def check_parent(self) -> None:
        """Stop where DVC started this process and has ended: the next dvc repro goes on. Raises: StageError."""
        if "DVC_STAGE" in os.environ and os.getppid() != self.parent:
            raise StageError("dvc, which started this process, has ended; run dvc repro again, which goes on from here")

    def is_due(self, step: int) -> bool:
        """Whether a state is to be saved after this step."""
        if not self.is_writer:
            return False
        if self.settings.steps:
            return step % self.settings.steps == 0
        return time.monotonic() - self.last >= 60 * self.settings.minutes

    def save(self, tensors: dict[str, torch.Tensor], counters: dict) -> None:
        """Replace the saved state. Raises: StageError when it cannot be written; the state before is whole."""
        path = self.folder / STATE
        try:
            with files.replace_file(path) as partial:
                held = {name: tensor.contiguous() for name, tensor in tensors.items()}
                save_file(held, partial, metadata={"counters": json.dumps(counters)})
                with partial.open("rb") as content:
                    os.fsync(content.fileno())  # a machine that loses power must not leave an empty file
        except Exception as error:  # safetensors raises an error of its own for a full disk
            kept = "the state before it is kept" if path.exists() else "no state is saved"
            raise StageError(
                f"{path}: the state after step {counters['step']:,} cannot be written ({str(error).strip()}); {kept}: "
                "free some disk space and run again"
            ) from None
        self.last = time.monotonic()

    def load(self) -> tuple[dict[str, torch.Tensor], dict] | None:
        """Return the saved tensors and counters, or None where there are none."""
        path = self.folder / STATE
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as content:
                counters = json.loads(content.metadata()["counters"])
                return {name: content.get_tensor(name) for name in content.keys()}, counters  # noqa: SIM118, it is no mapping
        except Exception:  # a file that a failing disk has damaged
            print(f"train: {path} cannot be read; training starts anew")
            path.unlink()
            return None

    def note(self, step: int, rows: int, tokens: int) -> None:
        """Note the batch that is about to be computed, for the run after one that the system killed."""
        if not self.is_writer:
            return
        with contextlib.suppress(OSError):  # a full disk is told where the state is saved
            (self.folder / NOTE).write_text(
                json.dumps({"step": step, "rows": rows, "tokens": tokens}), encoding="utf-8"
            )

    def noted(self) -> dict[str, int] | None:
        """Return the last batch that was noted."""
        try:
            return json.loads((self.folder / NOTE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        """Remove the state of a run that is done."""
        shutil.rmtree(self.folder, ignore_errors=True)
