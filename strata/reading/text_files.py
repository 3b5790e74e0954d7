"""Files that are one text each, with their labels out of their paths, as one source of rows."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from strata.base.tables import PLACE
from strata.reading.encoding import detect, is_utf8, open_text
from strata.reading.formats import LINES
from strata.reading.raw_files import LABEL, RawFile
from strata.reading.unpack import open_bytes
from strata.reading.values import INVALID, printable
from strata.rejects import Rejects

BATCH = 10_000  # files
BATCH_SIZE = 64 * 1024 * 1024  # characters
LONGEST = 16 * 1024 * 1024  # bytes


class TextFiles:
    """Some files of one text each as a stream of tables, like a SourceFile."""

    def __init__(self, files: list[RawFile], names: list[str], rejects: Rejects, encoding: str | None):
        """names: of the files, in `_file`, rejects and messages."""
        self.path = files[0].path.parent
        self.format = LINES
        self.rejects = rejects
        self.rows_read = 0
        self.class_names: dict[str, list[str]] = {}
        self._files, self._encoding = list(zip(files, names, strict=True)), encoding

    def tables(self) -> Iterator[pa.Table]:
        """Yield the texts in the files' order: PLACE, text, label. Files that cannot be read are rejected."""
        rows = filter(None, (self._row(*file) for file in self._files))
        while batch := _batch(rows):
            names, texts, labels = zip(*batch, strict=True)
            columns = [pa.array(names), pa.array([1] * len(names), pa.int64()), pa.array(texts, pa.string())]
            yield pa.table([*columns, pa.array(labels)], names=[*PLACE, "text", LABEL])

    def _row(self, file: RawFile, name: str) -> tuple[str, str | None, str] | None:
        self.rows_read += 1
        try:
            text, reason = self._text(file.path)
        except OSError as error:
            text, reason = "", f"cannot be opened: {error.strerror or error}"
        if reason:
            self.rejects.append({"file": name, "line": 1, "reason": reason, "raw": printable(text[:1000]) or name})
            return None
        return name, text or None, file.label

    def _text(self, path: Path) -> tuple[str, str | None]:
        """Return a file's text without white space around it, and why it cannot be used, or None."""
        with open_bytes(path) as stream:
            content = stream.read(LONGEST + 1)
        if len(content) > LONGEST:
            return "", f"longer than {LONGEST:,} bytes"
        encoding = self._encoding or ("utf-8" if is_utf8(content) else detect(io.BytesIO(content)))
        text = open_text(io.BytesIO(content), encoding).read().strip()
        if any("\ud800" <= mark <= "\udfff" for mark in text if not mark.isascii()):
            return text, INVALID
        return text, "NUL byte" if "\0" in text else None


def _batch(rows: Iterator[tuple[str, str | None, str]]) -> list[tuple[str, str | None, str]]:
    """Take rows until there are BATCH of them or BATCH_SIZE characters."""
    batch, size = [], 0
    for row in itertools.islice(rows, BATCH):
        batch.append(row)
        size += len(row[1] or "")
        if size > BATCH_SIZE:
            break
    return batch
