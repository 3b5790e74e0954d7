"""The files that a source names as sources of tables."""

import itertools
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from strata.base.errors import StrataError
from strata.reading.parts import MARK
from strata.reading.raw_files import RawFile
from strata.reading.source_file import SourceFile
from strata.reading.text_files import TextFiles
from strata.rejects import Rejects

Rows = SourceFile | TextFiles


def opened(
    files: list[RawFile],
    raw: Path,
    encoding: str | None,
    rejects: Rejects,
    report: Callable[[str], None] = print,
) -> Iterator[Rows]:
    """Yield the files as sources of tables; consecutive files of one text each are one source.

    A file in `raw` is named by its path from there. encoding, report: as for SourceFile.
    """
    for is_text, group in itertools.groupby(files, key=lambda file: file.is_text):
        named = [(file, _name(file, raw)) for file in group]
        if is_text:
            yield TextFiles(*map(list, zip(*named, strict=True)), rejects, encoding)
        else:
            for file, name in named:
                yield SourceFile(file, name, rejects, encoding, report)


def check_columns(source: Rows, names: Collection[str], first: Rows, first_names: Collection[str]) -> None:
    """Raise StrataError when a file's columns are not those of the source's first file."""
    differing = {*names} ^ {*first_names}
    if differing and not (source.format.keys_may_be_missing and first.format.keys_may_be_missing):
        raise StrataError(
            f"{source.path}: its columns differ from those of {first.path}: {', '.join(sorted(differing))}; make them "
            "the same"
        )


def _name(file: RawFile, raw: Path) -> str:
    path = file.path
    name = path.relative_to(raw).as_posix() if path.is_relative_to(raw) else path.name
    return f"{name}{MARK}{file.part}" if file.part else name
