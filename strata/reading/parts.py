"""Files that hold several tables: the sheets of a workbook, the lists of a JSON object. A source names FILE#PART."""

from collections.abc import Callable
from pathlib import Path

from strata.base.errors import StrataError, did_you_mean

MARK = "#"
TRAIN = ("train", "training")
VALIDATION = ("validation", "valid", "val", "dev")
TEST = ("test", "testing")


def named_part(path: Path) -> tuple[Path, str | None] | None:
    """Return the file that a path names and the part of it, None for the whole; None where there is no such file."""
    if path.is_file():
        return path, None
    marks = [i for i, letter in enumerate(path.name) if letter == MARK]
    files = ((path.with_name(path.name[:i]), path.name[i + 1 :]) for i in marks if i)
    return next(((file, part) for file, part in files if part and file.is_file()), None)


def chosen(place: str, parts: list[str], named: str | None, report: Callable[[str], None]) -> str:
    """Return the part to read: the named one, else the one called train, else the first, which is said.

    place: the file, for messages. Raises: StrataError when the named one is missing.
    """
    if named is not None:
        if named not in parts:
            raise StrataError(f"{place}: no part {named!r} in it{did_you_mean(named, parts)}")
        return named
    part = split_named(parts, TRAIN) or parts[0]
    if len(parts) > 1:
        others = ", ".join(other for other in parts if other != part)
        report(f"its part {part!r} is read, and not {others[:200]}; name another as FILE{MARK}PART")
    return part


def split_named(names: list[str], words: tuple[str, ...]) -> str | None:
    """Return the name that is one of the words, in any case, or None."""
    return next((name for word in words for name in names if name.rpartition("/")[2].casefold() == word), None)
