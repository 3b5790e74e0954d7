"""What a search starts from: everything but its own draws that decides what its trials find."""

import hashlib
import json
from pathlib import Path
from typing import Any

from strata.settings.overrides import changed
from strata.settings.sweep import Runs, Sweep
from strata.settings.yaml_loader import read_yaml
from strata.sweeping.needs import upstream

UNDECIDED = ("snapshots", "watch")
"""The sections of params.yaml that decide no output."""
EXTENDABLE = {"trials", "minutes", "storage"}
"""The keys of a sweep that may change while it goes on."""


def recipes(sweep: Sweep, params: dict[str, Any]) -> set[str]:
    """Return the names of the recipes that a sweep's trials use. params: the content of params.yaml."""
    if isinstance(sweep, Runs):
        return {changed(params, overrides)["recipe"] for overrides in sweep.runs.values()}
    return {params["recipe"]}


def fingerprint(project: Path, name: str, sweep: Sweep) -> dict[str, str]:
    """Return a hash of each file or folder that decides the trials, by its path in the project.

    Of settings the meaning counts, not the spelling. The code is that of the stages that a trial runs.
    """
    params = read_yaml(project / "params.yaml")
    used = sorted(recipes(sweep, params))
    pipeline = read_yaml(project / "dvc.yaml")
    stages = {stage: pipeline["stages"][stage] for stage in upstream(pipeline)}
    code = {path for stage in stages.values() for path in stage["deps"] if path.startswith(("stages/", "strata/"))}
    decisive = {key: dict(sorted(value.items())) if isinstance(value, dict) else value for key, value in params.items()}
    hashes = of_sweep(name, sweep) | {
        "params.yaml": _of_content({key: decisive[key] for key in sorted(decisive) if key not in UNDECIDED}),
        "dvc.yaml": _of_content([stage["cmd"] for stage in stages.values()]),
    }
    hashes |= {f"recipes/{recipe}.yaml": _of_content(read_yaml(project / f"recipes/{recipe}.yaml")) for recipe in used}
    hashes |= {path: _of_path(project / path) for path in [*sorted(code), *(f"data/raw/{recipe}" for recipe in used)]}
    return hashes


def of_sweep(name: str, sweep: Sweep) -> dict[str, str]:
    """Return the hash of a sweep's file, without what may change while it goes on, by its path."""
    return {f"sweeps/{name}.yaml": _of_content(sweep.model_dump(exclude=EXTENDABLE))}


def _of_content(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _of_path(path: Path) -> str:
    """Hash a file, or the files of a folder with their names."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(path)}\0".encode())
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]
