"""The file formats that Strata reads, in one table. It imports nothing heavy, so that the settings can read it.

To add a format, add a line to FORMATS and write its reader: a module of strata/reading with the function

    batches(path: Path, format: Format, encoding: str | None, report: Callable[[str], None]) -> Iterator[Batch]

where `encoding` is the recipe's, for text formats, and `report` takes a sentence for the user.
"""

from typing import NamedTuple


class Format(NamedTuple):
    """How files with one suffix are read."""

    description: str
    reader: str  # the module of strata/reading
    delimiter: str | None = None  # of delimited text; None: guessed for each file
    keys_may_be_missing: bool = False  # a row may leave out keys, so the files of one source may differ in columns


_JSON_LINES = Format("JSON Lines", "json_text", keys_may_be_missing=True)

FORMATS = {
    ".csv": Format("delimited text", "delimited"),
    ".tsv": Format("delimited text", "delimited", delimiter="\t"),
    ".txt": Format("delimited text", "delimited"),
    ".json": Format("JSON: an array of objects, or pandas' object of columns", "json_text", keys_may_be_missing=True),
    ".jsonl": _JSON_LINES,
    ".ndjson": _JSON_LINES,
    ".parquet": Format("Parquet", "parquet"),
    ".arrow": Format("Arrow", "arrow"),
    ".feather": Format("Arrow", "arrow"),
}

DELIMITED = tuple(suffix for suffix, format in FORMATS.items() if format.reader == "delimited")
"""Suffixes of the formats whose header is guessed."""

CODECS = {".gz": "gzip", ".zst": "zstd"}
"""Suffixes of compressed files, which follow the format's own, and the codec's name in pyarrow."""
ARCHIVE = ".zip"
"""Suffix of an archive, which must hold one file."""

ALLOWED = f"{', '.join(FORMATS)}, each also as {' or '.join(CODECS)}, or alone in a {ARCHIVE}"
"""Every suffix, as error messages and the schema list them."""

SUFFIXES = (*(suffix + codec for suffix in FORMATS for codec in ("", *CODECS)), ARCHIVE)
"""Every ending of a data file's name."""
