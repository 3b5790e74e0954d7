"""The encoding of a text file, detected from its bytes, and its text."""

import codecs
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from charset_normalizer import from_bytes

from strata.base.errors import StrataError
from strata.binary_files import BINARY
from strata.reading.formats import DELIMITED
from strata.reading.unpack import BLOCK, open_bytes
from strata.reading.values import INVALID

SAMPLE = 1 << 16  # bytes of lines that are not UTF-8, for the guess
ENOUGH = 32  # bytes beyond ASCII, for a guess among all encodings
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WESTERN = ("cp1252", "mac_roman", "cp850")
_SIGNS = r"\u02c6\u02dc\u2030\u2039\u201a\u201e\u2020\u2021\xa7\xa4\xa2\ufffd"
_ODD = re.compile(rf"(?<=[a-z])[À-ÖØ-ÞŠŒŽŸ{_SIGNS}]|[\u02c6\u02dc](?= )")

# does for every encoding what surrogateescape does for UTF-8: a lone surrogate replaces each byte that cannot be
# decoded, by which its row is recognized and rejected
codecs.register_error("surrogate", lambda error: ("\udcff" * (error.end - error.start), error.end))


def find_encoding(path: Path, named: str | None, report: Callable[[str], None]) -> str:
    """Return Python's name of a file's encoding: the recipe's (`named`), or else detected and reported if not UTF-8.

    Raises: StrataError when the file is binary.
    """
    with open_bytes(path) as stream:
        start = stream.read(1024)
    for mark, (what, remedy) in BINARY.items():
        is_word = mark.isalnum()  # a text may begin with one
        if start.startswith(mark) and (b"\0" in start or not is_word):
            raise StrataError(f"{path}: not text, whatever its suffix, but {what}; {remedy}")
    if named:
        return codecs.lookup(named).name
    with open_bytes(path) as stream:
        encoding = detect(stream)
    if not encoding.startswith("utf-8"):
        report(
            f"not UTF-8, read as {encoding}; if that is wrong, convert it to UTF-8, or name its encoding in the recipe "
            "(source.encoding)"
        )
    return encoding


def open_text(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """Decode a stream, with line ends as they are. A lone surrogate replaces each byte that cannot be decoded."""
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    return io.TextIOWrapper(
        stream, encoding, errors="surrogateescape" if encoding == "utf-8-sig" else "surrogate", newline=""
    )


def as_utf8(stream: BinaryIO, encoding: str) -> BinaryIO:
    """Return a stream of any encoding as UTF-8 without a byte-order mark."""
    if encoding == "utf-8-sig":
        stream.read(len(codecs.BOM_UTF8))
    return stream if encoding.startswith("utf-8") else io.BufferedReader(_Recoded(stream, encoding), BLOCK)


class _Recoded(io.RawIOBase):
    def __init__(self, stream: BinaryIO, encoding: str):
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogate")
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        while not self._ready:
            block = self._stream.read(BLOCK)
            self._ready = self._decoder.decode(block, final=not block).encode("utf-8", "surrogatepass")
            if not block:
                break
        content, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(content)] = content
        return len(content)


def detect(stream: BinaryIO) -> str:
    """Return Python's name of the encoding of `stream`, which is read to its end.

    A byte-order mark decides. Without one the file is UTF-8 unless most of its non-ASCII characters are not valid;
    the encoding is then guessed from the lines that contain them. A UTF-8 file with a few damaged bytes stays UTF-8.
    """
    start = stream.read(BLOCK)
    for mark, name in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return name
    head = start[:256]
    if head.count(0) > len(head) // 4:  # half the bytes of Latin text in UTF-16 are NUL
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    valid, invalid, sample = 0, 0, []
    for lines in _whole_lines(start, stream):
        if lines.isascii():
            continue
        text = lines.decode("utf-8", errors="surrogateescape")
        escaped = len(re.findall("[\udc80-\udcff]", text))
        invalid += escaped
        valid += len(re.findall("[^\x00-\x7f]", text)) - escaped
        if escaped and sum(map(len, sample)) < SAMPLE:
            sample += [line for line in lines.splitlines(keepends=True) if not is_utf8(line)]
    return "utf-8" if invalid <= valid else _legacy_encoding(b"".join(sample)[:SAMPLE])


def _whole_lines(block: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """Yield `block` and the rest of `stream` in pieces that end with a line, so that no character is cut."""
    rest = b""
    while block:
        lines = rest + block
        cut = lines.rfind(b"\n") + 1
        lines, rest = (lines[:cut], lines[cut:]) if cut and len(block) == BLOCK else (lines, b"")
        yield lines
        block = stream.read(BLOCK)


def _legacy_encoding(sample: bytes) -> str:
    """Return Windows 1252 (a superset of ISO 8859-1), another 8-bit or East Asian encoding, or UTF-8 after all.

    In Western text, single accented letters stand among plain ones. charset-normalizer recognizes that badly from few
    bytes, so it is only asked about other text.
    """
    non_ascii = len(re.findall(rb"[\x80-\xff]", sample))
    pairs = len(re.findall(rb"[\xc0-\xff](?=[\xc0-\xff])", sample))
    undefined = re.search(rb"[\x81\x8d\x8f\x90\x9d]", sample)
    runs = len(re.findall(rb"[\x80-\xff](?=[\x80-\xff])", sample))
    if pairs <= non_ascii / 10 and (not undefined or runs <= non_ascii / 10):
        odd = {encoding: _odd_letters(sample.decode(encoding, "replace")) for encoding in WESTERN}
        if odd["cp1252"] <= non_ascii / 10 and not undefined:
            return "cp1252"
        least = min(odd, key=odd.get)  # the first of several
        if not undefined or (least != "cp1252" and odd[least] <= non_ascii / 20):
            return least
    guess = from_bytes(sample).best() if non_ascii >= ENOUGH else None
    return guess.encoding if guess else "utf-8"


def _odd_letters(text: str) -> int:
    """Count marks in text of the wrong Western encoding: capitals and signs after a small letter, as in cafŽ."""
    return len(_ODD.findall(text))


def mixed_remedy(reject: dict) -> str:
    """Return a pointer to the guide on files whose lines differ in encoding; "" for other rejects.

    reject: as in rejects.parquet.
    """
    if reject["reason"] != INVALID or Path(reject["file"]).suffix not in DELIMITED:
        return ""
    return "; if other lines are UTF-8, docs/data.md shows how to convert the whole file to UTF-8"


def is_utf8(content: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
