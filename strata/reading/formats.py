"""The file formats that Strata reads, in one table. It imports nothing heavy, so that the settings can read it.

To add a format, add a line to FORMATS and write its reader: a module of strata/reading with the function

    batches(path: Path, format: Format, encoding: str | None, report: Callable[[str], None]) -> Iterator[Batch]

where `encoding` is the recipe's, for text formats, and `report` takes a sentence for the user. A format whose files
hold several tables also takes `part`, the name of one or None, and has a function `parts(path: Path) -> list[str]`.
"""

from typing import NamedTuple


class Format(NamedTuple):
    """How files with one suffix are read."""

    description: str
    reader: str  # the module of strata/reading
    delimiter: str | None = None  # of delimited text; None: guessed for each file
    keys_may_be_missing: bool = False  # a row may leave out keys, so the files of one source may differ in columns
    parts: bool = False  # a file may hold several tables, of which a source names one


_JSON_LINES = Format("JSON Lines", "json_text", keys_may_be_missing=True)

FORMATS = {
    ".csv": Format("delimited text", "delimited"),
    ".tsv": Format("delimited text", "delimited", delimiter="\t"),
    ".txt": Format("delimited text, or lines that begin with their label", "plain_text"),
    ".json": Format(
        "JSON: an array of objects or pairs, an object of columns or of lists",
        "json_text",
        keys_may_be_missing=True,
        parts=True,
    ),
    ".jsonl": _JSON_LINES,
    ".ndjson": _JSON_LINES,
    ".parquet": Format("Parquet", "parquet"),
    ".arrow": Format("Arrow", "arrow"),
    ".feather": Format("Arrow", "arrow"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), Format("a spreadsheet", "spreadsheet", parts=True)),
}

LINES = Format("a text a line, in files named after their label", "text_lines")
"""How a text file is read whose name is the label."""

DELIMITED = tuple(suffix for suffix, format in FORMATS.items() if format.reader in ("delimited", "plain_text"))
"""Suffixes of the formats whose header is guessed."""

CODECS = {".gz": "gzip", ".zst": "zstd"}
"""Suffixes of compressed files, which follow the format's own, and the codec's name in pyarrow."""
ARCHIVE = ".zip"
"""Suffix of an archive, which must hold one file."""

ALLOWED = f"{', '.join(FORMATS)}, each also as {' or '.join(CODECS)}, or alone in a {ARCHIVE}"
"""Every suffix, as error messages and the schema list them."""

SUFFIXES = (*(suffix + codec for suffix in FORMATS for codec in ("", *CODECS)), ARCHIVE)
"""Every ending of a data file's name."""
