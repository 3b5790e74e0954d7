"""A workspace of a search: a clone of the project, in which trials run without touching the user's files.

It has the project's commit, the changes since, what is not in Git yet of recipes, stages and package, and the data. It
shares DVC's cache with the project, so that what was computed before is not computed again. `dvc exp run --queue` and
`--temp` leave out data that Git ignores and recipes that it does not know (treeverse/dvc#10744).
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from strata.base.errors import StrataError
from strata.settings.overrides import Overrides, rewritten
from strata.settings.yaml_loader import read_yaml
from strata.sweeping.needs import model_folders, outputs, upstream

NEW = ("recipes", "stages", "strata", "data/raw/*.dvc")
"""What is copied although Git does not know it yet."""
PATCH_OPTIONS = (
    "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/",
    "--unified=3", "--submodule=short", "--ignore-submodules=dirty",
)  # fmt: skip
"""Options that make git diff print what git apply reads, whatever the user's configuration says."""
SNAPSHOTS = "snapshots"  # the folder of dvc.yaml's adapt and train
PROCESS = "process"  # file with the id of the process that works in the workspace


def git(folder: Path, *argv: str, given: bytes | None = None) -> bytes:
    """Return what a git command prints. Raises: Hindered when it fails."""
    try:
        result = subprocess.run(["git", "-C", str(folder), *argv], capture_output=True, check=False, input=given)
    except FileNotFoundError:
        raise Hindered("git is not installed; a search keeps its trials as DVC experiments, which need it") from None
    if result.returncode:
        words = result.stderr.decode(errors="replace").strip() or f"exit code {result.returncode}"
        raise Hindered(f"{folder}: git {argv[0]} fails ({words})")
    return result.stdout


class Hindered(StrataError):
    """No trial can run now, whatever its settings: Git fails, or the data have changed."""


def check_has_commit(project: Path) -> None:
    """Raise StrataError when the project is in no Git repository, or in one without a commit."""
    git(project, "rev-parse", "--git-dir")  # says in Git's words what else is wrong
    try:
        git(project, "rev-parse", "--verify", "--quiet", "HEAD")
    except Hindered:
        raise StrataError(
            f"{project} has no Git commit yet, and a search keeps its trials as DVC experiments, which belong to one; "
            "run git add --all && git commit"
        ) from None


class Workspace:
    """One clone. clone: its place. project: the user's project, absolute. folder: the project in the clone.

    recipes: whose data it needs. snapshots: folder for the states of unfinished trainings, which outlives the clone;
    each experiment has a subfolder, so that no training removes another's snapshots.
    """

    def __init__(self, clone: Path, project: Path, recipes: set[str], snapshots: Path | None = None):
        self.clone, self.project, self.is_closed = clone, project, False
        top, within = (git(project, "rev-parse", way).decode().strip() for way in ("--show-toplevel", "--show-prefix"))
        self.folder = clone / within
        self.end_process()
        shutil.rmtree(clone, ignore_errors=True)
        clone.parent.mkdir(parents=True, exist_ok=True)
        git(project, "clone", "--quiet", "--no-tags", "--template=", top, str(clone))
        self._copy_changes()
        params = self.folder / "params.yaml"
        if params.is_symlink():  # each trial would read the user's file as it is then, or none
            params.unlink()
            shutil.copyfile(project / "params.yaml", params)
        self._name_author()
        self.data: dict[Path, os.stat_result] = {}
        for recipe in recipes:
            self.data |= _link(project / "data/raw" / recipe, self.folder / "data/raw" / recipe)
        self.snapshots = None if snapshots is None else snapshots.resolve()
        (clone / ".git/info").mkdir(exist_ok=True)
        (clone / ".git/info/exclude").write_text(f"/{(Path(within) / SNAPSHOTS).as_posix()}\n", encoding="utf-8")
        self._share_cache()
        self._remove_later_results()
        git(self.clone, "add", "--update")
        self.tree = git(self.clone, "write-tree").decode().strip()

    def _copy_changes(self) -> None:
        """Give the clone what the user changed since the last commit, and new files of the project's own folders."""
        changes = git(self.project, "diff", "--binary", *PATCH_OPTIONS, "HEAD")
        if changes:
            git(self.clone, "apply", "--whitespace=nowarn", "--index", "-", given=changes)
        new = os.fsdecode(git(self.project, "ls-files", "--others", "--exclude-standard", "-z", "--", *NEW)).split("\0")
        tracked = os.fsdecode(git(self.project, "ls-files", "-v", "-z")).split("\0")
        unseen = [line[2:] for line in tracked if line[:1] == "S" or line[:1].islower()]  # git diff leaves these out
        copied = [path for path in [*new, *unseen] if path and (self.project / path).is_file()]
        for path in copied:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).unlink(missing_ok=True)  # it may be a link to the user's file
            shutil.copy2(self.project / path, self.folder / path)
        if copied:
            git(self.folder, "add", "--", *copied)

    def _name_author(self) -> None:
        """Let commits in the clone have the project's author, who may be named in its own configuration only."""
        for key in ("user.name", "user.email"):
            if name := git(self.project, "config", "--default", "", "--get", key).decode().strip():
                git(self.clone, "config", key, name)

    def _link_models(self) -> None:
        """Link the folders of models that the settings name, such as a teacher's, which Git ignores."""
        for path in model_folders(self.project, read_yaml(self.folder / "params.yaml")):
            _link(self.project / path, self.folder / path)

    def _share_cache(self) -> None:
        from dvc.repo import Repo  # takes a second

        with Repo(str(self.project)) as repo:
            cache = repo.cache.local_cache_dir
        with Repo(str(self.folder)) as repo, repo.config.edit("local") as config:
            config["cache"]["dir"] = cache

    def _remove_later_results(self) -> None:
        """Remove the metrics and plots of stages that a trial does not run: they are of another setting.

        So is dvc.lock, and DVC fails to take a stage out of its run cache while dvc.lock names a folder that the cache
        lacks ("failed to load directory").
        """
        (self.folder / "dvc.lock").unlink(missing_ok=True)
        pipeline = read_yaml(self.folder / "dvc.yaml")
        needed = upstream(pipeline)
        for name, stage in pipeline["stages"].items():
            if name not in needed:
                for path in outputs(stage):
                    with suppress(FileNotFoundError):
                        (self.folder / path).unlink()

    def set(self, experiment: str, overrides: Overrides) -> None:
        """Bring the workspace back to its first state, and change settings. experiment: its name.

        Raises: Hindered when a file of the data was written to in place, which reaches the workspace through its
        link.
        """
        for path, before in self.data.items():
            if not path.exists() or _state(path.stat()) != _state(before):
                raise Hindered(
                    f"{path.relative_to(self.folder)} changed while the search ran, and its trials would not be "
                    "comparable; undo the change, or start over with --restart"
                )
        git(self.clone, "read-tree", "--reset", "-u", self.tree)
        path = self.folder / "params.yaml"
        path.write_text(rewritten(path.read_text(encoding="utf-8"), overrides), encoding="utf-8")
        self._link_models()
        if self.snapshots is not None:
            (self.snapshots / experiment).mkdir(parents=True, exist_ok=True)
            (self.folder / SNAPSHOTS).unlink(missing_ok=True)
            (self.folder / SNAPSHOTS).symlink_to(self.snapshots / experiment)

    def remove_snapshots(self, experiment: str) -> None:
        """Remove the snapshots of an experiment that has failed or was stopped, unless the search was interrupted."""
        if self.snapshots is not None and not self.is_closed:
            self.end_process()
            shutil.rmtree(self.snapshots / experiment, ignore_errors=True)

    def start(self, name: str, log: Path, share: dict[str, str]) -> subprocess.Popen:
        """Start an experiment, in a group of processes of its own.

        log: gets what it prints. share: of the machine, as environment variables.
        Raises: StrataError after `close`.
        """
        if self.is_closed:
            raise StrataError("the search was interrupted")
        # `python` in dvc.yaml is this one
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        environment = os.environ | share | {"PYTHONUNBUFFERED": "1", "PATH": path}
        environment.pop("PYTHONPATH", None)  # the code is the workspace's
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "strata.sweeping.experiment", name],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self._process_file.write_text(str(process.pid), encoding="utf-8")
        return process

    @property
    def _process_file(self) -> Path:
        return self.clone.with_name(f"{self.clone.name}.{PROCESS}")

    def close(self) -> None:
        """End what runs here, and let nothing more start."""
        self.is_closed = True
        self.end_process()

    def end_process(self) -> None:
        """End the processes that run here, or that an earlier search left here when it was killed."""
        with suppress(OSError, ValueError, psutil.Error):
            group = int(self._process_file.read_text(encoding="utf-8"))
            if "strata.sweeping.experiment" in psutil.Process(group).cmdline():  # another may have this id by now
                os.killpg(group, signal.SIGKILL)
        self._process_file.unlink(missing_ok=True)

    def references(self, name: str) -> list[str]:
        """Return the Git references of an experiment that was made here."""
        refs = git(self.clone, "for-each-ref", "--format=%(refname)", "refs/exps").decode().splitlines()
        return [ref for ref in refs if ref.rpartition("/")[2] == name]

    def hand_over(self, name: str) -> None:
        """Give the project an experiment that was made here."""
        own = [f"+{ref}:{ref}" for ref in self.references(name)]
        git(self.project, "fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", str(self.clone), *own)


def remove_experiments(project: Path, trials: list[str]) -> None:
    """Remove the experiments of trials and of their folds from the project. trials: their names."""
    of_trials = re.compile(rf"refs/exps/.*/(?:{'|'.join(map(re.escape, trials))})(?:-fold\d+)?")
    for ref in git(project, "for-each-ref", "--format=%(refname)", "refs/exps").decode().splitlines():
        if trials and of_trials.fullmatch(ref):
            git(project, "update-ref", "-d", ref)


def _link(source: Path, target: Path) -> dict[Path, os.stat_result]:
    """Give the workspace what it lacks of a folder of the project, without copying the files where possible.

    Returns: the state of each file that was linked or copied.
    """
    states: dict[Path, os.stat_result] = {}

    def linked(one: str, other: str) -> None:
        if Path(other).exists():  # of the commit, such as .gitkeep
            return
        try:
            os.link(os.path.realpath(one), other)  # a hard link to a relative symlink would point nowhere
        except OSError:  # another file system
            shutil.copy2(one, other)
        states[Path(other)] = Path(other).stat()

    if source.exists():
        shutil.copytree(source, target, copy_function=linked, dirs_exist_ok=True)
    return states


def _state(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns
