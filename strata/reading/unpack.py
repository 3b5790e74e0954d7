"""The bytes of a source file, unpacked: gzip, zstd, or a zip archive that holds one file."""

import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import pyarrow as pa

from strata.base.errors import StrataError
from strata.reading.formats import ARCHIVE, CODECS

FREE = 256 * 1024 * 1024  # bytes that any file may unpack to
RATIO = 100  # beyond those, unpacked bytes per packed byte; text reaches about 20, a decompression bomb 1,000
BLOCK = 1 << 20  # bytes


class Bounded(io.RawIOBase):
    """A stream that raises a StrataError when a file unpacks to far more than text does."""

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
    """Return the name whose suffix is the format: without .gz or .zst, or that of the one file in a zip archive.

    Raises: StrataError when a zip archive is broken, or holds no file or several.
    """
    if path.suffix.lower() != ARCHIVE:
        return path.stem if path.suffix.lower() in CODECS else path.name
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise StrataError(f"{path}: not a readable zip archive: {error}; fix or replace it") from None
    hidden = re.compile(r"__MACOSX|\.[^.]")  # the folder that macOS adds, and dotfiles
    names = [name for name in names if not any(hidden.match(part) for part in PurePosixPath(name).parts)]
    if len(names) != 1:
        listed = ", ".join(names[:10]) or "nothing"
        raise StrataError(f"{path}: a zip archive must hold one file, this one holds {listed}; unpack it beside")
    return names[0]


def open_bytes(path: Path) -> BinaryIO:
    """Open the unpacked bytes, to be read once from the start. The size of a packed file is bounded."""
    suffix = path.suffix.lower()
    if suffix == ARCHIVE:
        archive = zipfile.ZipFile(path)
        return io.BufferedReader(Bounded(archive.open(inner_name(path)), path), BLOCK)
    if suffix in CODECS:
        return io.BufferedReader(Bounded(pa.input_stream(str(path), compression=CODECS[suffix]), path), BLOCK)
    return path.open("rb", buffering=BLOCK)


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a path to the unpacked file, for formats that need random access: `path`, or a temporary copy."""
    if path.suffix.lower() not in (ARCHIVE, *CODECS):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "unpacked"
        with open_bytes(path) as source, copy.open("wb") as target:
            while block := source.read(BLOCK):
                target.write(block)
        yield copy
