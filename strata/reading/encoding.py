"""Which encoding a text file is in, from its bytes."""

import codecs
import io
import re
from typing import BinaryIO

from charset_normalizer import from_bytes

BLOCK = 1 << 20
SAMPLE = 1 << 16  # bytes of lines that are not UTF-8, for the guess
ENOUGH = 32  # bytes beyond ASCII, for a guess among all encodings
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

# what surrogateescape does for UTF-8: a lone surrogate stands for each byte that cannot be decoded, so its row is found
codecs.register_error("surrogate", lambda error: ("\udcff" * (error.end - error.start), error.end))


def open_text(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """Decode a stream of bytes, line ends kept; a lone surrogate stands for each byte that cannot be."""
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    return io.TextIOWrapper(
        stream, encoding, errors="surrogateescape" if encoding == "utf-8-sig" else "surrogate", newline=""
    )


def as_utf8(stream: BinaryIO, encoding: str) -> BinaryIO:
    """Bytes of any encoding as UTF-8 without a byte-order mark."""
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
    """Return the name of Python's codec for the text in `stream`, which is read to its end.

    A byte-order mark decides. Without one a file is UTF-8 unless most of its bytes beyond ASCII are not, and then the
    encoding is guessed from the lines that hold them. A UTF-8 file with some damaged bytes stays UTF-8.
    """
    start = stream.read(BLOCK)
    for mark, name in MARKS.items():
        if start.startswith(mark):
            return name
    head = start[:256]
    if head.count(0) > len(head) // 4:  # half the bytes of Latin text in UTF-16 are NUL
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    good, bad, sample, rest = 0, 0, [], b""
    block = start
    while block:
        lines = rest + block
        cut = lines.rfind(b"\n") + 1
        lines, rest = (lines[:cut], lines[cut:]) if cut and len(block) == BLOCK else (lines, b"")
        if not lines.isascii():
            text = lines.decode("utf-8", errors="surrogateescape")
            escaped = len(re.findall("[\udc80-\udcff]", text))
            bad += escaped
            good += len(re.findall("[^\x00-\x7f]", text)) - escaped
            if escaped and sum(map(len, sample)) < SAMPLE:
                sample += [line for line in lines.splitlines(keepends=True) if not is_utf8(line)]
        block = stream.read(BLOCK)
    return "utf-8" if bad <= good else _legacy(b"".join(sample)[:SAMPLE])


def _legacy(sample: bytes) -> str:
    """Windows 1252 (which takes in ISO 8859-1), another 8-bit or East Asian encoding, or UTF-8 after all.

    Western text has its accented letters one by one among plain ones; charset-normalizer tells that badly from a few
    bytes, and is asked where there are more.
    """
    beyond_ascii = len(re.findall(rb"[\x80-\xff]", sample))
    pairs = len(re.findall(rb"[\xc0-\xff](?=[\xc0-\xff])", sample))
    undefined = re.search(rb"[\x81\x8d\x8f\x90\x9d]", sample)
    if not undefined and pairs <= beyond_ascii / 10:
        return "cp1252"
    guess = from_bytes(sample).best() if beyond_ascii >= ENOUGH else None
    return guess.encoding if guess else "utf-8"


def is_utf8(content: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
