"""Files and folders that appear whole or not at all: written beside their place, then moved into it."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strata.base import leftovers
from strata.base.errors import StrataError
from strata.base.spreadsheet import guarded_table
from strata.base.storage import storage_error

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 6
"""Significant digits of the floats in metrics/ and plots/: the later ones differ between CPUs."""


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, it becomes `path`.

    Raises: StrataError when the disk is full or read-only.
    """
    partial = path.with_name(f".{path.name}.partial")
    with _explained(path, partial):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; when the block ends well, it becomes `path`.

    The name is fixed, so what a killed run left there is removed by the next one. The folder is locked meanwhile, so
    that a stage which starts beside this one leaves it alone.
    Raises: StrataError when the disk is full or read-only.
    """
    partial, previous = (path.with_name(f".{path.name}.{word}") for word in ("partial", "previous"))
    with _explained(path, partial):
        path.parent.mkdir(parents=True, exist_ok=True)
        if previous.exists() and not path.exists():  # killed between the two moves below
            previous.replace(path)
        for leftover in (partial, previous):
            shutil.rmtree(leftover, ignore_errors=True)
        partial.mkdir()
        lock = leftovers.lock(partial)
        try:
            yield partial
            if path.exists():
                path.replace(previous)
            partial.replace(path)
        finally:
            if previous.exists() and not path.exists():  # interrupted between the two moves above
                previous.replace(path)
            for leftover in (partial, previous):
                shutil.rmtree(leftover, ignore_errors=True)
            if lock is not None:
                os.close(lock)


@contextmanager
def _explained(path: Path, partial: Path) -> Iterator[None]:
    """Replace the disk's errors in the block by a sentence that names `path`. Raises: StrataError."""
    try:
        yield
    except Exception as error:
        named = getattr(error, "filename", None)
        written = named is None or {path.parent, path, partial} & {Path(named), *Path(named).parents}
        kept = "what was there before is kept" if path.exists() else "nothing is there yet"
        if written and (explained := storage_error(error, path, kept)):
            raise explained from None
        raise


def write_json(path: Path, content: object) -> None:
    """Write `content` as indented JSON, floats to their last digit. Raises: ValueError on NaN and infinity."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with replace_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def write_metrics(path: Path, content: object) -> None:
    """Write the figures of metrics/ as JSON, each float rounded to DIGITS. Raises: as `write_json`."""
    write_json(path, rounded(content))


def write_curve(path: Path, curve: "pd.DataFrame") -> None:
    """Write the points of a plot as CSV, each float rounded to DIGITS, without the index; no label is a formula."""
    with replace_file(path) as partial:
        guarded_table(curve).to_csv(
            partial, index=False, float_format=f"%.{DIGITS}g", encoding="utf-8", lineterminator="\n"
        )


def rounded(content: Any) -> Any:
    """Return `content` with every float in its lists and mappings rounded to DIGITS significant digits.

    >>> rounded({"accuracy": 0.847010550996483, "rows": 1706, "step": [2 / 3]})
    {'accuracy': 0.847011, 'rows': 1706, 'step': [0.666667]}
    """
    if isinstance(content, float):
        return float(f"{content:.{DIGITS}g}")
    if isinstance(content, dict):
        return {key: rounded(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [rounded(value) for value in content]
    return content


def read_json(path: Path) -> Any:
    """Read a JSON file that another stage wrote. Raises: StrataError when it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file; run the stage that writes it, or dvc repro") from None
    except OSError as error:
        raise StrataError(f"{path}: cannot be read ({error.strerror}); make it readable, or dvc checkout") from None
    except RecursionError:
        raise StrataError(f"{path}: nested too deeply to be a file of ours; restore it: dvc checkout --force") from None
    except ValueError as error:
        raise StrataError(f"{path}: not a readable JSON file ({error}); restore it: dvc checkout --force") from None
