"""The files that the recipe's addresses name."""

import glob
from pathlib import Path

from stages.ingest import remote
from strata import address
from strata.base.errors import StrataError

KINDS = "package://, hub://, https://"


def source_files(addresses: str | list[str], raw: Path, role: str, downloads: Path) -> list[Path]:
    """Return the files that addresses name, in their order; the files of one glob are sorted by name.

    role: train or test, which selects files of a dataset on the Hub. downloads: the folder for https:// files.
    Raises: StrataError when an address is malformed or names no file, or two of them name the same file.
    """
    paths = []
    for name in [addresses] if isinstance(addresses, str) else addresses:
        if name.startswith(address.SCHEME):
            paths.append(address.locate(name))
        elif name.startswith("hub://"):
            paths += remote.hub_files(name, role)
        elif name.startswith("https://"):
            paths.append(remote.download(name, downloads / str(len(paths))))
        elif "://" in name:
            raise StrataError(f"source {name}: unknown kind of address; allowed: a file in {raw}, {KINDS}")
        else:
            paths += _raw_files(name, raw)
    repeated = [path for path in paths if paths.count(path) > 1]
    if repeated:
        raise StrataError(f"{repeated[0]}: source names this file twice, which would double its rows; name it once")
    return paths


def _raw_files(name: str, raw: Path) -> list[Path]:
    """Return the files in the recipe's folder that a file name or pattern names."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise StrataError(f"source {name}: must be inside {raw}; copy or link the file into that folder")
    is_pattern = glob.has_magic(name) and not (raw / name).is_file()
    try:
        paths = sorted(raw.glob(name)) if is_pattern else [raw / name]
    except (ValueError, NotImplementedError) as error:
        raise StrataError(f"source {name}: not a pattern for file names: {error}; write one such as *.csv") from None
    if not paths or not all(path.is_file() for path in paths):
        present = ", ".join(sorted(path.name for path in raw.glob("[!.]*"))[:20]) or "nothing"
        raise StrataError(
            f"{raw / name}: no such file; {raw} holds {present}; put the file there, or name one of these in the "
            "recipe's source"
        )
    return paths
