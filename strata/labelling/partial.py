"""The blocks of a file that are done: kept beside the output, so that a run that was killed goes on."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from strata.base import files, tables
from strata.base.errors import StrataError
from strata.base.storage import storage_error

KEY = "key.json"


class Partial:
    """A folder of labelled blocks beside `out`, for as long as the run takes; one that fails leaves it there.

    key: what decides the blocks; those of another key are removed. report: takes a sentence for the user.
    Raises: StrataError when another process is writing the same output, or the disk is full or read-only.
    """

    def __init__(self, out: Path, key: dict[str, Any], report: Callable[[str], None]):
        self.out, self.folder = out, out.with_name(f".{out.name}.blocks")
        self.rejects = self.folder / "rejects.parquet"
        self._key = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        self._report = report
        self._lock: int | None = None

    def __enter__(self) -> "Partial":
        try:
            self._open()
        except OSError as error:
            raise self._explained(error) from None
        return self

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock = _locked(self.folder)
        except BlockingIOError:
            raise StrataError(
                f"{self.out}: another strata predict is writing it; wait for it, or name another --out"
            ) from None
        with suppress(OSError, ValueError):
            if json.loads((self.folder / KEY).read_text(encoding="utf-8")) == self._key:
                self._report_done()
                return
        content = list(self.folder.iterdir())
        if content:
            self._report(f"removed what another run left for {self.out.name}: its input, model, options or code differ")
        for path in content:  # the folder itself stays, since it is locked
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        files.write_json(self.folder / KEY, self._key)

    def _report_done(self) -> None:
        rows = sum(filter(None, map(_rows, self._blocks())))
        if rows:
            self._report(f"resuming {self.out.name}: {rows:,} rows are done")

    def _blocks(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.stem.isdigit()]

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        explained = self._explained(error) if isinstance(error, Exception) else error
        if error is None or not self._blocks():
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
        if explained is not error:
            raise explained from None

    def _explained(self, error: Exception) -> Exception:
        """Return the sentence for an error of the disk, else the error itself."""
        kept = "the rows that are done are kept" if self.folder.is_dir() and self._blocks() else ""
        named = getattr(error, "filename", None)
        is_here = named is None or Path(os.fsdecode(named)).parent in (self.folder, self.out.parent)
        return (storage_error(error, self.out, kept) if is_here else None) or error

    def path(self, number: int) -> Path:
        """Return the place of a block."""
        return self.folder / f"{number:08}.parquet"

    def has(self, number: int, rows: int) -> bool:
        """Tell whether a block is done. rows: that it has."""
        return _rows(self.path(number)) == rows

    def write(self, number: int, table: pa.Table) -> None:
        """Keep a block."""
        tables.write(self.path(number), table.to_batches(), table.schema)


def _rows(path: Path) -> int | None:
    """Return the rows of a block, None where it is missing, or was cut off by a crash of the machine."""
    try:
        return pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException):
        return None


def _locked(folder: Path) -> int | None:
    """Lock a folder until the descriptor that is returned is closed; None where the system has no such locks.

    Raises: BlockingIOError when another process has locked it.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:  # a file system without locks
        pass
    return descriptor
