"""What pip installs: the package and its data, the base or more with extras, every version pinned."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = {
    "pipeline": "requirements.txt",
    "lora": "requirements-lora.txt",
    "tensorboard": "requirements-tensorboard.txt",
    "ray": "requirements-ray.txt",
    "serve": "requirements-serve.txt",
    "page": "requirements-page.txt",
}
# what torch brings with CUDA, and torch itself, whose pin is in requirements.txt alone
NOT_CONSTRAINED = re.compile(r"(torch|triton|pytorch-triton|nvidia-.*|cuda-.*)\Z")


def pins(name: str) -> dict[str, str]:
    """The version of each package that a requirements file names, without the files that it includes."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in requirements}


def brought_along(requirements: set[str]) -> set[str]:
    """The names of the installed packages that these require, directly or through others, on this machine."""
    names: set[str] = set()
    waiting = [Requirement(name) for name in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = f"{name}{sorted(requirement.extras)}"
        if key in names:
            continue
        names.add(key)
        try:
            required = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        names.add(name)
        for further in map(Requirement, required):
            extras = requirement.extras or {""}
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(further)
    return {name for name in names if "[" not in name}


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_constraints_agree_with_every_pin(name):
    constraints = pins("constraints.txt")
    for package, version in pins(name).items():
        if not NOT_CONSTRAINED.match(package):
            assert constraints.get(package) == version, f"{package}: run make constraints"


def test_constraints_hold_all_that_is_brought_along():
    named = {name for path in ROOT.glob("requirements*.txt") for name in pins(path.name)}
    needed = {name for name in brought_along(named) if not NOT_CONSTRAINED.match(name)}
    assert needed - pins("constraints.txt").keys() == set(), "run make constraints"
    assert "strata" not in pins("constraints.txt")
    assert not [name for name in pins("constraints.txt") if NOT_CONSTRAINED.match(name)]


def test_the_base_is_part_of_the_pipeline():
    assert pins("requirements-base.txt").items() <= pins("requirements.txt").items()
    assert pins("requirements-base.txt").keys() == {"numpy", "onnxruntime", "tokenizers", "regex", "selectolax"}


def test_extras_are_read_from_the_requirements_files():
    dynamic = PROJECT["tool"]["setuptools"]["dynamic"]
    assert dynamic["dependencies"] == {"file": "requirements-base.txt"}
    assert dynamic["optional-dependencies"] == {extra: {"file": name} for extra, name in EXTRAS.items()}
    for name in ("requirements-base.txt", *EXTRAS.values()):
        assert "-r " not in (ROOT / name).read_text(encoding="utf-8"), "setuptools reads no file that another includes"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this folder, built without the network."""
    source, out = tmp_path_factory.mktemp("source") / "strata", tmp_path_factory.mktemp("wheel")
    source.mkdir()
    for name in ("strata", "stages", "tests", "benchmarks", "recipes", "docs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    (source / "data").mkdir()
    (source / "data/rows.json").write_text("{}")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, source], check=True)
    (path,) = out.glob("strata-*-py3-none-any.whl")
    return path


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "strata").rglob("*.py")}
    data = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "strata").rglob("*")
        if path.suffix in (".json", ".j2", ".css", ".js", ".html") and path.is_file()
    }
    assert {"strata/settings/params.schema.json", "strata/guessing/recipe.yaml.j2"} <= data
    assert {name for name in names if ".dist-info/" not in name} == modules | data
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_the_metadata_of_the_wheel_say_what_the_files_pin(wheel):
    with zipfile.ZipFile(wheel) as archive:
        folder = next(name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name)
        metadata = archive.read(f"{folder}/METADATA").decode()
        commands = archive.read(f"{folder}/entry_points.txt").decode()
    required = [line.partition(": ")[2] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    by_extra: dict[str, dict[str, str]] = {"": {}} | {extra: {} for extra in EXTRAS}
    for requirement in map(Requirement, required):
        extra = re.search('extra == "(.*)"', str(requirement.marker))
        version = str(requirement.specifier).removeprefix("==")
        by_extra[extra.group(1) if extra else ""][canonicalize_name(requirement.name)] = version
    assert by_extra == {"": pins("requirements-base.txt")} | {extra: pins(name) for extra, name in EXTRAS.items()}
    assert "strata = strata.commands.main:main" in commands


@pytest.mark.slow
def test_the_installed_wheel_works_from_any_folder(wheel, tmp_path):
    """Installed without what it needs, the command starts and tells what is missing."""
    target = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel],
        check=True,
    )
    alone = [sys.executable, "-S", "-c"]
    start = f"import sys; sys.path.insert(0, {str(target)!r}); from strata.commands.main import main; "
    done = subprocess.run(
        [*alone, f"{start}main(['--help'])"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: strata COMMAND")
    done = subprocess.run(
        [*alone, f"{start}main(['predict', 'folder', 'text'])"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"predict: the package numpy is not installed; .*\n", done.stderr)
