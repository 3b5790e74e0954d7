"""What a search starts from: everything but its own draws that decides what its trials find."""

import hashlib
import json
from pathlib import Path
from typing import Any

from strata.settings.overrides import Overrides, changed, keys, value_at
from strata.settings.sweep import Runs, Sweep, examples
from strata.settings.yaml_loader import read_yaml
from strata.sweeping.needs import model_folders, upstream

EXTENDABLE = {"trials", "minutes", "storage"}
"""The keys of a sweep that may change while it goes on."""


def recipes(sweep: Sweep, params: dict[str, Any]) -> set[str]:
    """Return the names of the recipes that a sweep's trials use. params: the content of params.yaml."""
    if isinstance(sweep, Runs):
        return {changed(params, overrides)["recipe"] for overrides in sweep.runs.values()}
    return {params["recipe"]}


def models(project: Path, sweep: Sweep, params: dict[str, Any]) -> set[str]:
    """Return the model folders in the project that trials of a sweep use. params: the content of params.yaml."""
    tried = list(sweep.runs.values()) if isinstance(sweep, Runs) else examples(sweep.search)
    return {model for overrides in tried for model in model_folders(project, changed(params, overrides))}


def varied(sweep: Sweep) -> list[str]:
    """Return the keys that a sweep varies, in the order of its file."""
    if isinstance(sweep, Runs):
        return list(dict.fromkeys(key for overrides in sweep.runs.values() for key in overrides))
    return list(sweep.search)


def settings_of_trial(sweep: Sweep, initial: dict[str, Any], drawn: Overrides) -> Overrides:
    """Return what a trial sets: what it draws, and each other key of the sweep as it was when the search began.

    So these keys may change in params.yaml during a search, for example by --apply.
    initial: the content of params.yaml then.
    """
    tried = changed(initial, drawn)
    return {key: value_at(tried, key) for key in varied(sweep)}


def decisive(params: dict[str, Any], pipeline: dict[str, Any], sweep: Sweep) -> Overrides:
    """Return the settings that affect the trials' results and that the sweep does not vary, by key.

    params, pipeline: the content of params.yaml and dvc.yaml.
    """
    read = {"recipe"}
    for stage in upstream(pipeline):
        read |= {name for name in pipeline["stages"][stage].get("params", []) if isinstance(name, str)}
    return {
        key: value_at(params, key)
        for key in sorted(keys(params))
        if {key, key.partition(".")[0]} & read and key not in varied(sweep)
    }


def differences(initial: dict[str, Any], params: Path, pipeline: Path, sweep: Sweep) -> Overrides:
    """Return the decisive settings that have changed since a search began, with their earlier values.

    initial: the content of params.yaml then; params: its path. pipeline: the path of dvc.yaml.
    """
    stages = read_yaml(pipeline)
    then, now = decisive(initial, stages, sweep), decisive(read_yaml(params), stages, sweep)
    return {key: value for key, value in then.items() if now.get(key, value) != value}


def fingerprint(project: Path, name: str, sweep: Sweep, initial: dict[str, Any]) -> dict[str, str]:
    """Return a hash of each file or folder that decides the trials, by its path in the project.

    Of settings the meaning counts, not the spelling. The code is that of the stages that a trial runs.
    initial: the content of params.yaml when the search began.
    """
    params = read_yaml(project / "params.yaml")
    used = sorted(recipes(sweep, initial))
    pipeline = read_yaml(project / "dvc.yaml")
    stages = {stage: pipeline["stages"][stage] for stage in upstream(pipeline)}
    code = {path for stage in stages.values() for path in stage["deps"] if path.startswith(("stages/", "strata/"))}
    folders = [f"data/raw/{recipe}" for recipe in used] + sorted(models(project, sweep, initial))
    hashes = of_sweep(name, sweep) | {
        "params.yaml": _of_content(decisive(params, pipeline, sweep)),
        "dvc.yaml": _of_content([stage["cmd"] for stage in stages.values()]),
    }
    hashes |= {f"recipes/{recipe}.yaml": _of_content(read_yaml(project / f"recipes/{recipe}.yaml")) for recipe in used}
    hashes |= {path: _of_path(project / path) for path in [*sorted(code), *folders]}
    return hashes


def of_sweep(name: str, sweep: Sweep) -> dict[str, str]:
    """Return the hash of a sweep's file, without what may change while it goes on, by its path."""
    return {f"sweeps/{name}.yaml": _of_content(sweep.model_dump(exclude=EXTENDABLE))}


def _of_content(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _of_path(path: Path) -> str:
    """Hash a file, or the files of a folder with their names. Hidden files, such as an editor's, do not count."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        inside = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in inside):
            digest.update(f"{file.relative_to(path)}\0".encode())
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]
