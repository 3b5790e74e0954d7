"""The files that the recipe's addresses name."""

from pathlib import Path

from stages.ingest import remote
from strata import address
from strata.base.errors import StrataError
from strata.reading.parts import MARK
from strata.reading.raw_files import RawFile, raw_files

KINDS = "package://, hub://, https://"


def source_files(addresses: str | list[str], raw: Path, role: str, downloads: Path) -> list[RawFile]:
    """Return the files that addresses name, in their order; the files of one glob are sorted by name.

    role: train or test, which selects files of a dataset on the Hub. downloads: the folder for https:// files.
    Raises: StrataError when an address is malformed or names no file, or two of them name the same file.
    """
    files: list[RawFile] = []
    for name in [addresses] if isinstance(addresses, str) else addresses:
        if name.startswith(address.SCHEME):
            place, _, part = name.partition(MARK)
            files.append(RawFile(address.locate(place), part or None))
        elif name.startswith("hub://"):
            files += map(RawFile, remote.hub_files(name, role))
        elif name.startswith("https://"):
            files.append(RawFile(remote.download(name, downloads / str(len(files)))))
        elif "://" in name:
            raise StrataError(f"source {name}: unknown kind of address; allowed: a file in {raw}, {KINDS}")
        else:
            files += raw_files(name, raw)
    seen: set[tuple[Path, str | None]] = set()
    for file in files:
        if (file.path, file.part) in seen:
            raise StrataError(f"{file.path}: source names this file twice, which would double its rows; name it once")
        seen.add((file.path, file.part))
    return files
