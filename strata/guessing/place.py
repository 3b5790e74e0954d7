"""What a path on the command line holds: a file, one table of a file, or a folder of files named after their labels."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from strata.base.errors import StrataError
from strata.reading.formats import ARCHIVE, CODECS, FORMATS
from strata.reading.parts import MARK, TEST, TRAIN, VALIDATION, split_named
from strata.reading.raw_files import PLACEHOLDER, TEXT
from strata.reading.source_file import SourceFile, parts_of
from strata.reading.unpack import inner_name

MOST_LABEL_FILES = 100


class Place(NamedTuple):
    """The sources of a recipe, as it names them, from a folder."""

    folder: Path
    train: list[str]
    test: str | None = None
    notes: tuple[str, ...] = ()


def find_place(given: Path) -> Place:
    """Return the sources at a path. Raises: StrataError when nothing is there, or a folder holds nothing to read."""
    if given.is_dir():
        return _in_folder(given)
    base, mark, part = given.name.rpartition(MARK)
    if not given.is_file() and mark and (given.parent / base).is_file():
        return Place(given.parent, [given.name], notes=(f"its part {part!r}",))
    if not given.is_file():
        raise StrataError(f"{given}: no such file; name a file of labelled text, or a folder of them")
    return _in_file(given)


def _in_file(path: Path) -> Place:
    parts = parts_of(path) or []
    test = split_named(parts, TEST)
    train = split_named(parts, TRAIN) or next((part for part in parts if part != test), None)
    if len(parts) < 2:
        return Place(path.parent, [path.name])
    unread = [part for part in parts if part not in (train, test)]
    also = f", and {test} as the test split" if test else ""
    notes = [f"{path.name} holds {', '.join(parts)[:200]}: {train} is read{also}"]
    notes += [f"{', '.join(unread)[:200]} not read; name another as {path.name}{MARK}PART"] if unread else []
    return Place(path.parent, [f"{path.name}{MARK}{train}"], f"{path.name}{MARK}{test}" if test else None, tuple(notes))


def _in_folder(folder: Path) -> Place:
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    folders = {path.name: path for path in inside if path.is_dir()}
    if train := split_named(list(folders), TRAIN):
        return _in_split_folders(folder, folders, train)
    if pattern := _label_pattern(folder):
        return Place(folder, [pattern], notes=(f"the label is the folder of each text: {pattern}",))
    tables = [path for path in inside if path.is_file() and _suffix(path) in FORMATS]
    stems = {path.name.split(".")[0]: path.name for path in tables}
    if train := split_named(list(stems), TRAIN):
        test = split_named(list(stems), TEST)
        unread = ", ".join(name for stem, name in stems.items() if stem not in (train, test))
        notes = (f"{stems[train]} is read{f', {stems[test]} as the test split' if test else ''}",)
        notes += (f"not read: {unread[:200]}",) if unread else ()
        return Place(folder, [stems[train]], stems.get(test), notes)
    if len(tables) == 1:
        return _in_file(tables[0])
    return _in_files(folder, tables)


def _in_split_folders(folder: Path, folders: dict[str, Path], train: str) -> Place:
    """Return the sources of a folder with a folder for each split."""
    pattern = _label_pattern(folders[train])
    if not pattern:
        raise StrataError(f"{folders[train]}: no folder for each label in it; name a file, or a folder of such folders")
    test = split_named(list(folders), TEST)
    has_test = test and _label_pattern(folders[test])
    notes = [f"the label is the folder of each text: {train}/{pattern}"]
    notes += [f"{test}/ is the test split"] if has_test else []
    unread = [name for name in folders if split_named([name], VALIDATION)]
    notes += [f"{', '.join(unread)}/ not read: split makes the validation rows"] if unread else []
    return Place(folder, [f"{train}/{pattern}"], f"{test}/{pattern}" if has_test else None, tuple(notes))


def _label_pattern(folder: Path) -> str | None:
    """Return the pattern of the texts in a folder of a folder for each label, or None."""
    suffixes: Counter[str] = Counter()
    labels = 0
    for label in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        names = [path.name for path in label.iterdir() if path.is_file() and not path.name.startswith(".")]
        labels += bool(names)
        suffixes.update(_ending(name) for name in names)
    if labels < 2:
        return None
    suffix, count = suffixes.most_common(1)[0]
    # numbers as names, such as 49960, are no suffixes
    return f"{PLACEHOLDER}/*{suffix if count > 0.9 * suffixes.total() and suffix in (TEXT, *FORMATS) else ''}"


def _in_files(folder: Path, tables: list[Path]) -> Place:
    """Return the source of a folder of files: named after their labels, or parts of one table."""
    suffixes = {_ending(path.name) for path in tables}
    if not tables or len(suffixes) > 1:
        names = ", ".join(path.name for path in tables[:10]) or "no file or folder that can be read"
        raise StrataError(f"{folder}: holds {names}; name one file, or put files of one format into a folder")
    suffix = suffixes.pop()
    columns = [_columns(path) for path in tables[:2]]
    has_label = any(
        name.casefold() in ("label", "class", "target", "sentiment", "category") for name in columns[0] or []
    )
    if has_label or (columns[0] and len(columns[0]) == 2 and suffix == TEXT) or len(tables) > MOST_LABEL_FILES:
        return Place(folder, [f"*{suffix}"], notes=(f"all {len(tables)} files are read as one table: *{suffix}",))
    pattern = f"{PLACEHOLDER}{suffix}"
    return Place(folder, [pattern], notes=(f"the label is the name of each file: {pattern}",))


def _columns(path: Path) -> list[str] | None:
    """Return the columns of a table, or None if it cannot be read as one."""
    try:
        table = next(SourceFile(path, report=lambda _: None).tables(), None)
    except StrataError:
        return None
    return None if table is None else [name for name in table.column_names if not name.startswith("_")]


def _ending(name: str) -> str:
    """Return the suffix of a name with that of its compression."""
    suffixes = Path(name).suffixes
    packed = len(suffixes) > 1 and suffixes[-1].lower() in (*CODECS, ARCHIVE)
    return "".join(suffixes[-2:] if packed else suffixes[-1:])


def _suffix(path: Path) -> str:
    return Path(inner_name(path)).suffix.lower()
