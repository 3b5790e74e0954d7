"""The key of a run: a hash of everything that decides its result.

Two runs with the same key would end in the same bytes, so one may continue the other. A changed setting, row or line of
code gives another key.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import torch

from strata.base.errors import StrataError
from strata.settings.yaml_loader import read_yaml

ROOT = Path(__file__).parents[2]
LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "peft")


def code_of(stage: str, root: Path) -> list[str]:
    """Return the modules and folders of code that decide a stage's result, as dvc.yaml lists them.

    root: the folder with dvc.yaml; the paths are relative to it. Raises: StrataError when dvc.yaml is missing.
    """
    path = root / "dvc.yaml"
    if not path.is_file():
        raise StrataError(f"{path}: no such file; it must be next to stages/, since it lists the code of every stage")
    return [path for path in read_yaml(path)["stages"][stage]["deps"] if path.startswith(("stages/", "strata/"))]


def run_key(stage: str, settings: dict, *inputs: Path, root: Path = ROOT) -> str:
    """Return the key of a run of a stage. inputs: files or folders that it reads. root: with dvc.yaml and the code.

    It depends on the settings, the inputs and their order, the code, the versions of libraries, and the
    number of threads, but not on the location of inputs and code.
    Raises: StrataError when dvc.yaml, or something that it lists, is missing.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    entries = {name: root / name for name in code_of(stage, root)}
    entries |= {f"input {i}": path for i, path in enumerate(inputs)}
    for name, entry in entries.items():
        for path in _files(entry):
            with path.open("rb") as content:
                hexdigest = hashlib.file_digest(content, "sha256").hexdigest()
            digest.update(f"{name} {path.relative_to(entry).as_posix()} {hexdigest}\n".encode())
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):  # peft is optional
            digest.update(f"{name} {metadata.version(name)}\n".encode())
    digest.update(f"{torch.get_num_threads()} threads".encode())
    return digest.hexdigest()[:32]


def _files(entry: Path) -> Iterator[Path]:
    """Yield a file, or the files of a folder in order, without compiled Python. Raises: StrataError when missing."""
    if not entry.exists():
        raise StrataError(
            f"{entry}: no such file or folder, but the key of a snapshot depends on it; restore it, or run dvc repro"
        )
    paths = [entry] if entry.is_file() else sorted(entry.rglob("*"))
    yield from (path for path in paths if path.is_file() and "__pycache__" not in path.parts)
