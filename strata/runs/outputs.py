"""Whether a project's outputs are those that dvc.lock records, by their content."""

import hashlib
import json
from pathlib import Path

from strata.base.errors import StrataError
from strata.settings.yaml_loader import read_yaml

LOCK = "dvc.lock"


def check_outputs(project: Path, *paths: str) -> None:
    """Compare outputs with the MD5 hashes in dvc.lock. paths: of files or folders in the project.

    `dvc status` does not read a file whose size, time and inode are those that it noted, and `dvc pull` does not check
    what a remote sends unless `verify` is set. So the files are read here.
    Raises: StrataError that names the first output that differs, or that dvc.lock does not record.
    """
    lock = read_yaml(project / LOCK) if (project / LOCK).is_file() else {}
    stages = lock.get("stages") if isinstance(lock, dict) else None
    outs = [out for stage in (stages or {}).values() for out in stage.get("outs", [])]
    recorded = {out.get("path"): out.get("md5") for out in outs}
    for path in paths:
        if not recorded.get(path):
            raise StrataError(f"{project / path}: {LOCK} does not record it; run dvc repro")
        actual = _folder_md5(project / path) if (project / path).is_dir() else _file_md5(project / path)
        if actual != recorded[path]:
            raise StrataError(
                f"{project / path}: not what {LOCK} records (its MD5 is {actual}, recorded {recorded[path]}); it was "
                "changed here, in DVC's cache or in its remote: remove it and dvc pull from one that you trust, or dvc "
                "repro --force quantize report"
            )


def _file_md5(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "md5").hexdigest()


def _folder_md5(folder: Path) -> str:
    """Return DVC's hash of a folder: the MD5 of the JSON list of its files' hashes and paths, in order of path."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    entries = [{"md5": _file_md5(paths[name]), "relpath": name} for name in sorted(paths)]
    return f"{hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest()}.dir"
