"""What is to be known of texts that are whole files, read as they stand: mail with its headers, other documents."""

import re
from pathlib import Path

from strata.reading.unpack import open_bytes
from strata.reading.unread_formats import DOCUMENTS

LOOKED_AT = 20  # files
START = 4096  # bytes of each
_HEADERS = re.compile(rb"(From .*\r?\n)?([A-Za-z][\w-]*: .*\r?\n([ \t].*\r?\n)*){2}")


def said_of_whole_files(paths: list[Path]) -> list[str]:
    """Return the sentences on texts of which most are mail, or documents of a format that is not read."""
    looked_at = paths[:: max(1, len(paths) // LOOKED_AT)]
    if 2 * sum(map(_is_mail, looked_at)) > len(looked_at):
        return [
            "the texts are mail, read with its headers, which may give the label away, and with its body as it was "
            "sent, which may be encoded; save the body of each as .txt to read that alone"
        ]
    suffixes = {path.suffix.lower() for path in looked_at} & {*DOCUMENTS}
    return [f"{suffix} files are read as they stand; they are {DOCUMENTS[suffix]}" for suffix in sorted(suffixes)]


def _is_mail(path: Path) -> bool:
    with open_bytes(path) as stream:
        return _HEADERS.match(stream.read(START)) is not None
