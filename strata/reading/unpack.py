"""The bytes of a source file, unpacked: gzip, zstd, or a zip archive that holds one file."""

import io
import re
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import pyarrow as pa

from strata.base.errors import StrataError

CODECS = {".gz": "gzip", ".zst": "zstd"}
FREE = 256 * 1024 * 1024  # bytes that any file may unpack to
RATIO = 100  # beyond those, unpacked bytes per packed byte; text reaches about 20, a bomb 1,000


class Bounded(io.RawIOBase):
    """A stream that stops a file which unpacks to far more than text does."""

    def __init__(self, stream: BinaryIO, path: Path):
        self._stream, self._path = stream, path
        self._most = max(FREE, RATIO * path.stat().st_size)
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        content = self._stream.read(len(buffer))
        self._count += len(content)
        if self._count > self._most:
            raise StrataError(
                f"{self._path}: unpacks to more than {self._most / 1e6:,.0f} MB, over {RATIO} times its size; unpack "
                "it yourself if you trust it"
            )
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._stream.close()
        super().close()


def inner_name(path: Path) -> str:
    """The name that says the format: without .gz or .zst, or of the one file inside a zip archive.

    Raises: StrataError on a zip archive that is broken, or holds no file or several.
    """
    if path.suffix.lower() != ".zip":
        return path.stem if path.suffix.lower() in CODECS else path.name
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info.filename for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise StrataError(f"{path}: not a readable zip archive: {error}; mend or replace it") from None
    macos = re.compile(r"__MACOSX|\.[^.]")  # what it adds, and hidden files
    members = [name for name in members if not any(macos.match(part) for part in PurePosixPath(name).parts)]
    if len(members) != 1:
        found = ", ".join(members[:10]) or "nothing"
        raise StrataError(f"{path}: a zip archive must hold one file, this one holds {found}; unpack it beside")
    return members[0]


def open_bytes(path: Path) -> BinaryIO:
    """Open the unpacked bytes for one reading from the start; a packed file is read through a bound on its size."""
    suffix = path.suffix.lower()
    if suffix == ".zip":
        archive = zipfile.ZipFile(path)
        return io.BufferedReader(Bounded(archive.open(inner_name(path)), path), 1 << 20)
    if suffix in CODECS:
        return io.BufferedReader(Bounded(pa.input_stream(str(path), compression=CODECS[suffix]), path), 1 << 20)
    return path.open("rb", buffering=1 << 20)
