"""What bytes that are not UTF-8 text seem to be, and the command that makes UTF-8 of them."""

import codecs

from strata.binary_files import BINARY

NOT_UTF8 = "not UTF-8; convert it from its encoding, such as latin1: iconv -f latin1 -t UTF-8 FILE"
ENOUGH = 256  # bytes of a start that are looked at

# UTF-32 first, since its mark begins with that of UTF-16
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_UNPACK = {"compressed (gzip)": "gzip -dc FILE", "compressed (zstd)": "zstd -dc FILE"}


def is_utf8(text: str) -> bool:
    """Tell whether text can be written as UTF-8: no lone surrogates, which stand for bytes that were not decoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def other_format(start: bytes) -> str | None:
    """Return what the first bytes of a file or stream show that it is, and what to do; None where it may be UTF-8.

    Half the bytes of Latin text in UTF-16 are NUL, which is valid UTF-8.
    """
    start = start[:ENOUGH]
    for mark, (what, _) in BINARY.items():
        if start.startswith(mark):
            return f"{what}; " + (
                f"unpack it: {_UNPACK[what]}" if what in _UNPACK else "save its texts as a text file, one a line"
            )
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    if encoding is None and len(start) > 2 and start.count(0) > len(start) // 4:
        encoding = "UTF-16LE" if start[1::2].count(0) > start[::2].count(0) else "UTF-16BE"
    return encoding and f"{encoding}, not UTF-8; convert it: iconv -f {encoding} -t UTF-8 FILE"
