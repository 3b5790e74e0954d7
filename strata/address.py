"""package://NAME@VERSION/PATH: a file or folder inside an installed Python package."""

import importlib.metadata
import importlib.util
import re
from pathlib import Path

from strata.base.errors import StrataError

SCHEME = "package://"


def locate(address: str) -> Path:
    """Return the path that a package:// address names, without importing the package.

    Raises: StrataError when the address is malformed, or the package is missing, of another version, or lacks the path.
    """
    match = re.fullmatch(r"package://([A-Za-z0-9_.-]+)@([^/@]+)/(.+)", address)
    if not match:
        raise StrataError(f"{address}: not a package address; write package://NAME@VERSION/PATH")
    name, version, inside = match.groups()
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise StrataError(
            f"{address}: the package {name} is not installed; pip install {name.replace('_', '-')}=={version}"
        )
    distributions = importlib.metadata.packages_distributions().get(name)
    if not distributions:
        raise StrataError(f"{address}: {name} is a folder on Python's path, not an installed package")
    installed = importlib.metadata.version(distributions[0])
    if installed != version:
        raise StrataError(
            f"{address}: version {installed} is installed; pip install {distributions[0]}=={version}, or "
            f"name {installed}"
        )
    folder = Path(spec.submodule_search_locations[0])
    path = (folder / inside).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise StrataError(f"{address}: the path climbs out of the package")
    if not path.exists():
        raise StrataError(f"{address}: the package has no {inside}")
    return path
