"""Errors of the disk, in words: it is full, read-only, or refuses more to this user."""

import errno
import os
import re
import shutil
from pathlib import Path

from strata.base.errors import StrataError

KINDS = {
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("your share of the disk is used up", "free some space"),
    errno.EFBIG: ("the system allows no larger file", "raise the limit: ulimit -f unlimited"),
    errno.EROFS: ("the file system is read-only", "make it writable"),
    errno.EACCES: ("this user may not write there", "make it writable"),
    errno.EPERM: ("this user may not write there", "make it writable"),
    errno.ENAMETOOLONG: ("its name is too long", "choose a shorter one"),
}
FORBIDDEN = (errno.EACCES, errno.EPERM)
CODE = re.compile(r"\b(?:os error|errno) (\d+)", re.IGNORECASE)
"""How libraries in Rust and C++ tell the system's error, in errors of their own."""


class StorageError(StrataError):
    """Something could not be written. kind: the system's error number."""

    def __init__(self, words: str, kind: int):
        super().__init__(words)
        self.kind = kind


def storage_error(error: BaseException, path: Path | None = None, kept: str = "") -> StorageError | None:
    """Return an error that says what happened, where, and what to do; None where it is not the disk's.

    path: what was being written; None: what the error names. kept: what of it is still there.
    """
    kind = _kind(error)
    if kind not in KINDS:
        return None
    named = getattr(error, "filename", None)
    place = Path(os.fsdecode(named)) if path is None and named else path
    what, remedy = KINDS[kind]
    if path is None and kind in FORBIDDEN:
        # nobody knows whether it was to be read or written; without a name, it may be no file at all
        words = f"{place}: this user may neither read nor write it; change its permissions and run again"
        return StorageError(words, kind) if named else None
    free = f", {_free(place):,.0f} MB are free" if kind in (errno.ENOSPC, errno.EDQUOT) and place else ""
    kept = f"; {kept}" if kept else ""
    return StorageError(
        f"{place or 'standard output'}: cannot be written ({what}{free}){kept}; {remedy} and run again", kind
    )


def _kind(error: BaseException) -> int | None:
    if isinstance(error, StorageError):
        return error.kind
    if isinstance(error, OSError) and error.errno:
        return error.errno
    match = None if isinstance(error, StrataError) else CODE.search(str(error))
    return int(match[1]) if match else None


def _free(path: Path) -> float:
    """Return the free space of a path's disk in MB; of the nearest folder that exists."""
    folder = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())
    return shutil.disk_usage(folder).free / 1e6
