"""Files and folders that appear whole or not at all: written beside their place, then moved into it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from strata.base.errors import StrataError


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, it becomes `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; when the block ends well, it becomes `path`.

    The name is fixed, so what a killed run left there is removed by the next one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, previous = (path.with_name(f".{path.name}.{word}") for word in ("partial", "previous"))
    if previous.exists() and not path.exists():  # killed between the two moves below
        previous.replace(path)
    for leftover in (partial, previous):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir()
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


def write_json(path: Path, content: object) -> None:
    """Write `content` as indented JSON; NaN and infinity are refused, since JSON has no words for them."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with replace_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file that another stage wrote. Raises: StrataError when it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StrataError(f"{path}: no such file; run the stage that writes it, or dvc repro") from None
    except ValueError as error:
        raise StrataError(f"{path}: not a readable JSON file ({error}); restore it: dvc checkout --force") from None
