"""A copy of the project on a machine that shares no folder with it: out of a Git bundle and DVC's remote."""

import fcntl
import hashlib
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from strata.base import files
from strata.base.errors import StrataError
from strata.settings.sweep import Sweep
from strata.sweeping.starting_point import models, recipes
from strata.sweeping.workspace import Workspace, git

BASE = "refs/strata/base"
AUTHOR = ("user.name", "user.email")
ERROR_LINE = re.compile(r"^ERROR: (.+)$", re.MULTILINE)


class Base(NamedTuple):
    """What a copy of the project is made from."""

    identity: str  # of the project's folder, its state, and what is pulled from where
    bundle: bytes  # of Git: the changes since the project's commit, as a commit on top of it
    within: str  # the project's folder in the repository
    author: dict[str, str]  # user.name and user.email for Git
    recipes: set[str]
    tracked: list[str]  # the .dvc files of the data
    remote: tuple[str, str]  # DVC's default one: name and address


def dvc(folder: Path, *argv: str) -> None:
    """Run a DVC command. Raises: StrataError when it fails."""
    command = [sys.executable, "-m", "dvc", *argv, "--quiet"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if result.returncode:
        lines = ERROR_LINE.findall(result.stderr) or result.stderr.splitlines() or [f"exit code {result.returncode}"]
        raise StrataError(f"dvc {argv[0]} fails ({lines[0].removeprefix('unexpected error - ')})")


def pack(project: Path, sweep: Sweep, params: dict[str, Any], place: Path) -> Base:
    """Return what copies of a project are made from for a sweep, after its data was pushed to the remote.

    params: the content of params.yaml when the search began. place: of a temporary clone.
    Raises: StrataError when there is no remote, or it could not give a copy all the data.
    """
    if git(project, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise StrataError("this clone is shallow, so other machines cannot get its commit; run git fetch --unshallow")
    remote = default_remote(project)
    used = recipes(sweep, params)
    workspace = Workspace(place, project, set())
    inputs = {f"data/raw/{recipe}" for recipe in used} | models(project, sweep, params)
    tracked = pushed(project, sorted(inputs), workspace)
    author = {key: git(project, "config", "--default", "strata", "--get", key).decode().strip() for key in AUTHOR}
    as_author = [word for key, value in author.items() for word in ("-c", f"{key}={value}")]
    commit = git(workspace.clone, *as_author, "commit-tree", workspace.tree, "-p", "HEAD", "-m", "base")
    git(workspace.clone, "update-ref", BASE, commit.decode().strip())
    bundle = git(workspace.clone, "bundle", "create", "--quiet", "-", BASE)
    head = git(project, "rev-parse", "HEAD").decode()
    state = f"{socket.gethostname()} {project} {head} {workspace.tree} {tracked} {remote}"
    identity = hashlib.sha256(state.encode()).hexdigest()[:16]
    shutil.rmtree(place)
    return Base(identity, bundle, str(workspace.folder.relative_to(place)), author, used, tracked, remote)


def pushed(project: Path, inputs: list[str], workspace: Workspace) -> list[str]:
    """Push the inputs that DVC tracks, and return their .dvc files. inputs: folders.

    Raises: StrataError when another machine could not get one of them as it is here.
    """
    known = set(git(workspace.folder, "ls-files", "-z").decode().split("\0"))
    tracked = [f"{path}.dvc" for path in inputs if f"{path}.dvc" in known]
    for path in inputs:
        if f"{path}.dvc" not in known:
            check_is_in_git(project, path, known)
    check_is_committed(project, tracked)
    if tracked:
        dvc(project, "push", *tracked)
    return tracked


def default_remote(project: Path) -> tuple[str, str]:
    """Return name and address of DVC's default remote. Raises: StrataError when the project has none."""
    from dvc.repo import Repo  # takes a second

    with Repo(str(project)) as repo:
        name = repo.config["core"].get("remote")
        if name is None:
            raise StrataError(
                "DVC has no default remote, from which other machines could get the data; add a place that all of them "
                "reach: dvc remote add --default NAME ADDRESS"
            )
        return name, str(repo.config["remote"][name]["url"])


def check_is_in_git(project: Path, path: str, known: set[str]) -> None:
    """Raise StrataError when a folder has files that Git does not know. path: of the folder, in the project."""
    present = {file.relative_to(project).as_posix() for file in (project / path).rglob("*") if file.is_file()}
    if missing := sorted(present - known):
        remedy = f"dvc add {path}"
        if (project / f"{path}.dvc").exists():
            remedy = f"git add {path}.dvc"
        elif present & known:
            remedy = f"git rm -r --quiet --cached {path} && {remedy}"  # DVC adds nothing that Git tracks
        if path.startswith("models/"):
            remedy = f"{remedy} after you have moved it out of models/, which Git ignores"
        raise StrataError(
            f"{missing[0]} cannot reach other machines, since neither Git nor DVC tracks it; run {remedy}"
        )


def check_is_committed(project: Path, tracked: list[str]) -> None:
    """Raise StrataError when data changed since DVC was told of it. tracked: .dvc files."""
    from dvc.repo import Repo

    with Repo(str(project)) as repo:
        for path in tracked:
            if repo.status(targets=[str(project / path)]):
                data = path.removesuffix(".dvc")
                raise StrataError(
                    f"{data} has changed since dvc add, and other machines would get the old data; run dvc add {data}"
                )


def copied_project(base: Base, folder: Path) -> Path:
    """Return the copy of a project in a folder, made unless it is there. DVC's cache lies beside it.

    Raises: StrataError when the data cannot be had.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    clone = folder / base.identity
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not clone.exists():
            with files.replace_folder(clone) as partial:
                _fill(partial, base, folder / "cache")
    return clone / base.within


def _fill(clone: Path, base: Base, cache: Path) -> None:
    from dvc.repo import Repo

    bundle = clone.with_name("bundle")
    bundle.write_bytes(base.bundle)
    git(clone, "init", "--quiet")
    git(clone, "fetch", "--quiet", str(bundle), f"{BASE}:{BASE}")
    bundle.unlink()
    git(clone, "checkout", "--quiet", "--detach", f"{BASE}~1")
    git(clone, "read-tree", "--reset", "-u", BASE)
    project = clone / base.within
    name, address = base.remote
    with Repo(str(project)) as repo, repo.config.edit("local") as config:
        config["cache"]["dir"] = str(cache)
        config["core"]["remote"] = name
        config["remote"].setdefault(name, {})["url"] = address
    if base.tracked:
        dvc(project, "pull", *base.tracked)


def connect_workspace(workspace: Workspace, base: Base) -> None:
    """Let a workspace of a copy push to the remote, and make commits."""
    local = Path(".dvc/config.local")
    shutil.copy2(workspace.project / local, workspace.folder / local)
    for key, value in base.author.items():
        git(workspace.clone, "config", key, value)


def bundled(workspace: Workspace, experiment: str) -> bytes:
    """Return an experiment as a Git bundle, for a repository that has its commit."""
    return git(workspace.clone, "bundle", "create", "--quiet", "-", *workspace.references(experiment), "^HEAD")


def unbundle(project: Path, bundle: Path) -> None:
    """Give the project the experiments in a Git bundle."""
    # fetch.prune would delete the user's experiments
    fetch = ("fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head")
    git(project, *fetch, str(bundle), "+refs/exps/*:refs/exps/*")
