"""manifest.json of a model folder: the size and SHA-256 of each file, so that a changed file is refused.

It finds damage and mistakes. It is no signature: whoever can change the folder can change the manifest too, which is
why `strata publish` also compares the folder with dvc.lock.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from strata.base import files
from strata.base.errors import StrataError

NAME = "manifest.json"
REMEDY = "restore the folder: dvc checkout --force, or download it again"


def write(folder: Path, onnx_runtime: str) -> None:
    """Write the manifest of all files in a folder. onnx_runtime: the first version that loads the models."""
    content = {name: _entry(folder / name) for name in names(folder)}
    files.write_json(folder / NAME, {"onnxruntime": onnx_runtime, "files": content})


def names(folder: Path) -> list[str]:
    """Return the paths of a folder's files, relative to it and in order, without the manifest's own."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != NAME)


def check(folder: Path, checked: Iterable[str] | None = None) -> dict:
    """Compare files with the manifest and return it. checked: their paths in the folder; None: all, and no others.

    Raises: StrataError that names what is missing, differs or was added, or where the manifest is missing or broken.
    """
    path = folder / NAME
    if not path.is_file():
        raise StrataError(
            f"{path}: no such file; it lists what belongs to the model. Run stages.quantize again: dvc repro, or "
            "download the whole folder"
        )
    manifest = files.read_json(path)
    listed = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(listed, dict):
        raise StrataError(f"{path}: lists no files; {REMEDY}")
    for name in sorted(listed) if checked is None else checked:
        if not (folder / name).is_file():
            raise StrataError(f"{folder / name}: no such file; {REMEDY}")
        if name not in listed:
            raise StrataError(f"{folder / name}: not in {NAME}, so its origin is unknown; {REMEDY}")
        if _entry(folder / name) != listed[name]:
            raise StrataError(f"{folder / name}: not the file that {NAME} lists (its SHA-256 differs); {REMEDY}")
    if checked is None and (added := sorted(set(names(folder)) - set(listed))):
        raise StrataError(f"{folder / added[0]}: not in {NAME}; remove it, or {REMEDY}")
    return manifest


def _entry(path: Path) -> dict:
    with path.open("rb") as content:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(content, "sha256").hexdigest()}
