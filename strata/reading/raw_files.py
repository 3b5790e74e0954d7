"""The files that a source's path names: a file, FILE#PART, a glob, or a path with {label} where the label stands."""

import fnmatch
import glob
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from strata.base.errors import StrataError
from strata.reading.formats import FORMATS
from strata.reading.parts import MARK, named_part
from strata.reading.unpack import inner_name

LABEL = "label"
"""The column of the labels that stand in paths."""
PLACEHOLDER = "{label}"
TEXT = ".txt"
ABOUT = ("readme", "license", "licence", "copying", "changelog", "citation")
"""Names, without the suffix, of files that say something about data; no pattern matches them."""


class RawFile(NamedTuple):
    """A file and what is to be read of it."""

    path: Path
    part: str | None = None  # of several tables in the file
    label: str | None = None  # of all its rows, out of its path
    is_lines: bool = False  # a text a line
    is_text: bool = False  # one text


def raw_files(name: str, raw: Path) -> list[RawFile]:
    """Return the files in a folder that a source's path names, sorted by path.

    Raises: StrataError when the path leaves the folder, is no pattern, or names no file.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise StrataError(f"source {name}: must be inside {raw}; copy or link the file into that folder")
    if named := named_part(raw / name):
        return [RawFile(*named)]
    pattern, _, part = name.partition(MARK)
    if PLACEHOLDER in pattern:
        found = list(_labelled(pattern, raw))
    else:
        paths = _matches(pattern, raw) if glob.has_magic(pattern) else [raw / pattern]
        found = [RawFile(path) for path in paths]
    if not found or not all(file.path.is_file() for file in found):
        present = ", ".join(sorted(path.name for path in raw.glob("[!.]*"))[:20]) or "nothing"
        raise StrataError(
            f"{raw / name}: no such file; {raw} holds {present}; put the file there, or name one of these in the "
            "recipe's source"
        )
    return [file._replace(part=part or None) for file in found]


def is_about(name: str) -> bool:
    """Return whether a file is not data, but says something about it."""
    return name.split(".", maxsplit=1)[0].casefold() in ABOUT


def _matches(pattern: str, raw: Path) -> list[Path]:
    try:
        return sorted(path for path in raw.glob(pattern) if not is_about(path.name))
    except (ValueError, NotImplementedError) as error:
        raise StrataError(f"source {pattern}: not a pattern for file names: {error}; write one such as *.csv") from None


def _labelled(pattern: str, raw: Path) -> Iterator[RawFile]:
    """Yield the files of a pattern with {label}, but for hidden ones. The label is what stands in its place."""
    parts = PurePosixPath(pattern).parts
    at = next(i for i, part in enumerate(parts) if PLACEHOLDER in part)
    if pattern.count(PLACEHOLDER) > 1 or "**" in parts[:at]:
        raise StrataError(f"source {pattern}: {PLACEHOLDER} may stand once, and ** only after it")
    before, after = (re.sub(r"\\[zZ]$", "", fnmatch.translate(side)) for side in parts[at].split(PLACEHOLDER))
    named = re.compile(f"{before}(.+){after}", re.DOTALL)
    is_name = at == len(parts) - 1
    for path in _matches(pattern.replace(PLACEHOLDER, "*"), raw):
        inside = path.relative_to(raw).parts
        match = named.fullmatch(inside[at])
        if match and path.is_file() and not any(part.startswith(".") for part in inside):
            yield _placed(path, match[1], is_name)


def _placed(path: Path, label: str, is_name: bool) -> RawFile:
    """Return a file with its label. A .txt file named after it holds a text a line, one in a folder is a text."""
    is_table = (suffix := Path(inner_name(path)).suffix.lower()) in FORMATS and suffix != TEXT
    return RawFile(path, label=label, is_lines=is_name and not is_table, is_text=not is_name and not is_table)
