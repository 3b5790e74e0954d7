"""The modules of this package that one of them needs, and the packages of others: for a place without `pip install`."""

import ast
import importlib.metadata
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from strata.base.errors import StrataError

ROOT = Path(__file__).parents[2]


def carried(starts: Iterable[str]) -> dict[str, Path]:
    """Return the files that modules need, by their paths from the package's parent. starts: names of modules.

    With a module come those that it imports anywhere in it, the packages around them, and templates beside `starts`.
    """
    waiting, found = list(starts), {}
    rooms = {_file(name).parent for name in waiting}
    while waiting:
        path = _file(waiting.pop())
        if path not in found:
            found[path] = None
            waiting += [name for name in _imported(path) if name.startswith("strata") and _is_module(name)]
            waiting += [_name(parent) for parent in path.parents if parent.is_relative_to(ROOT / "strata")]
    templates = [path for room in rooms for path in room.glob("*.j2")]
    return {path.relative_to(ROOT).as_posix(): path for path in sorted([*found, *templates])}


def requirements(files: Iterable[Path]) -> dict[str, str]:
    """Return the packages that modules import, with the versions that are installed here.

    Raises: StrataError when one is not installed.
    """
    modules = {name.partition(".")[0] for path in files if path.suffix == ".py" for name in _imported(path)}
    places = importlib.metadata.packages_distributions()
    pinned = {}
    for module in sorted(modules - sys.stdlib_module_names - {"strata"}):
        if module not in places:
            raise StrataError(
                f"the package {module} is not installed, which the Space needs; in Strata's folder: "
                "pip install '.[pipeline,serve,page]'"
            )
        distribution = places[module][0]
        pinned[distribution.lower()] = importlib.metadata.version(distribution)
    return dict(sorted(pinned.items()))


def _imported(path: Path) -> Iterator[str]:
    """Yield the names that a file imports: of `from a import b` both a and a.b, since b may be a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(name: str) -> Path:
    place = ROOT.joinpath(*name.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _is_module(name: str) -> bool:
    return _file(name).is_file()


def _name(folder: Path) -> str:
    return ".".join(folder.relative_to(ROOT).parts)
