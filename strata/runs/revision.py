"""What one revision of a project holds: a Git revision, a DVC experiment, or the workspace."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from strata.base.errors import StrataError
from strata.labels import Labels
from strata.settings.yaml_loader import parse_bytes

WORKSPACE = "workspace"
PREDICTIONS, LABELS = "data/evaluate/predictions.parquet", "data/standardize/labels.json"
CALIBRATION = "data/evaluate/calibration.json"

Reader = Callable[[str], bytes]
"""Reads a file of a revision by its path in the project."""


@dataclass(frozen=True)
class Revision:
    """One run: its recipe's name and source, its labels, and its test rows (id, label, prediction, ...)."""

    name: str
    recipe: str
    source: Any
    labels: Labels
    rows: pd.DataFrame


def workspace(project: Path) -> Reader:
    """Return a reader of the files as they are now."""

    def read(path: str) -> bytes:
        try:
            return (project / path).read_bytes()
        except FileNotFoundError:
            raise StrataError(f"{project / path}: no such file; dvc checkout, or dvc repro") from None

    return read


def recorded(project: Path, name: str) -> Reader:
    """Return a reader of a revision's files, whether Git or DVC holds them.

    Raises: StrataError when there is no such revision; the reader when it has no such file.
    """
    # takes a second
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc_data.index import DataIndexError

    if not name:  # DVC would take the workspace
        raise StrataError("a revision without a name; name a Git revision or a DVC experiment: git log, dvc exp list")
    try:
        revision = DVCFileSystem(str(project), rev=name)
        _ = revision.repo  # looks it up
    except AttributeError:  # Git knows the name, and DVC takes it for a commit's
        raise StrataError(f"{name}: is a file or folder, not a revision; name a commit, such as HEAD") from None
    except Exception as error:  # of DVC, of its Git library, or of theirs
        raise StrataError(
            f"{name}: no such Git revision or DVC experiment ({error}); see git log, dvc exp list"
        ) from None

    def read(path: str) -> bytes:
        try:
            with revision.open(path, "rb") as file:
                return file.read()
        except (DvcException, DataIndexError, OSError):
            raise StrataError(
                f"{name}: {path}: in neither Git, DVC's cache nor its remote; dvc pull --all-commits, or dvc exp run "
                f"with {name} checked out"
            ) from None

    return read


def reader(project: Path, name: str) -> Reader:
    """Return a reader of the files of one revision, or of the workspace. Raises: as `recorded`."""
    return workspace(project) if name == WORKSPACE else recorded(project, name)


def settings(project: Path, name: str) -> dict:
    """Return params.yaml of one revision, unchecked. Raises: StrataError when it is missing or broken."""
    content = parse_bytes(reader(project, name)("params.yaml"), f"{name}: params.yaml")
    return content if isinstance(content, dict) else {}


def load(project: Path, name: str) -> Revision:
    """Read one revision, or the workspace. Raises: StrataError when a file is missing or broken."""
    read = reader(project, name)
    recipe = _key(parse_bytes(read("params.yaml"), f"{name}: params.yaml"), "recipe", f"{name}: params.yaml")
    path = f"recipes/{recipe}.yaml"
    source = _key(parse_bytes(read(path), f"{name}: {path}"), "source", f"{name}: {path}")
    try:
        content = json.loads(read(LABELS))
        labels = Labels(content["labels"], content["positive"])
    except (ValueError, KeyError, TypeError) as error:
        raise StrataError(f"{name}: {LABELS}: not a labels file ({error}); dvc checkout --force") from None
    rows = pq.ParquetFile(io.BytesIO(read(PREDICTIONS))).read().to_pandas()
    return Revision(name, recipe, source, labels, rows[rows["split"] == "test"].drop(columns="split"))


def threshold(project: Path, name: str) -> float | tuple[float, ...] | None:
    """Return the decision threshold of one revision, or those of its labels by id, None without a goal.

    Raises: StrataError as `load`.
    """
    try:
        value = json.loads(reader(project, name)(CALIBRATION))["threshold"]
        if isinstance(value, list) and value:
            return tuple(map(float, value))
        return None if value is None else float(value)
    except (ValueError, KeyError, TypeError) as error:
        raise StrataError(f"{name}: {CALIBRATION}: holds no threshold ({error}); dvc checkout --force") from None


def _key(content: Any, key: str, name: str) -> Any:
    if not isinstance(content, dict) or key not in content:
        raise StrataError(f"{name}: no key {key} in it; see the project's own params.yaml and recipes")
    return content[key]
