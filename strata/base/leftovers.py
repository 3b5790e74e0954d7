"""What a killed stage left half-written beside its outputs: removed when the next stage starts."""

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

NAME = re.compile(r"\.(?P<name>.+)\.(?P<kind>partial|previous)")
OLD = 600  # seconds; a partial file, unlike a folder, has no lock, but is written within moments


def remove(project: Path) -> None:
    """Remove the leftovers in a project's folders, such as data/.ingest.partial.

    project: its folder, with dvc.yaml; nothing is touched elsewhere. A folder that another process is writing is
    locked by it, and stays. An earlier output that a kill left under another name gets its own name back.
    """
    if not (project / "dvc.yaml").is_file():
        return
    for path in sorted(project.glob("*/.*")):
        match = NAME.fullmatch(path.name)
        if match and not path.is_symlink():
            with suppress(OSError):
                _remove(path, path.with_name(match["name"]), match["kind"])


def _remove(path: Path, output: Path, kind: str) -> None:
    if not path.is_dir():
        if kind == "partial" and time.time() - path.stat().st_mtime > OLD:
            path.unlink()
        return
    partial = output.with_name(f".{output.name}.partial")
    writing = [folder for folder in (partial, output) if folder.is_dir()]
    if any(is_locked(folder) for folder in writing):
        return
    if kind == "previous" and not output.exists():
        path.replace(output)
    else:
        shutil.rmtree(path)


def lock(folder: Path) -> int | None:
    """Lock a folder until the file descriptor that is returned is closed. None where the system has no such locks."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def is_locked(folder: Path) -> bool:
    """Whether another process has locked a folder."""
    try:
        import fcntl
    except ModuleNotFoundError:
        return True
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
