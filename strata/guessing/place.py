"""What a path on the command line holds: a file, one table of a file, or a folder of files named after their labels."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from strata.base.errors import StrataError, nearest
from strata.guessing.kinds import is_label_name
from strata.reading.formats import ARCHIVE, CODECS, FORMATS
from strata.reading.parts import MARK, TEST, TRAIN, named_part, split_named
from strata.reading.raw_files import PLACEHOLDER, TEXT, is_about
from strata.reading.source_file import SourceFile, check_format, parts_of
from strata.reading.unpack import inner_name
from strata.reading.unread_formats import refusal

MOST_LABEL_FILES = 100
FEWEST_NUMBERED = 5  # files a label, on average, whose names differ in their number alone
MOST_NAMED = 5  # files that a note names
MOST_KINDS = 3  # of tables in a folder that is one data set
LABEL_WORDS = {"label", "labels", "target", "targets", "class", "classes", "intent", "intents"}
TEXT_WORDS = {"text", "texts", "sentence", "sentences", "sents", "data", "posts", "tweets", "reviews", "in"}
"""Words by which the names of two files differ of which one holds the labels of the other's lines."""


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
    named = named_part(given)
    if named is None:
        if address := re.match(r"(\w+):/+(.*)", str(given)):  # a Path has one slash of two
            raise StrataError(
                f"{address[1]}://{address[2]}: an address, not a file; download it, or write a recipe "
                "with this address as its source (docs/data.md)"
            )
        if given.name == "-":
            raise StrataError("-: standard input is not read; write it to a file with a suffix, and name that file")
        if given.is_symlink():
            raise StrataError(f"{given}: a link to {given.readlink()}, which does not exist; name the file itself")
        raise StrataError(f"{given}: no such file; {_nearest_beside(given)}")
    path, part = named
    return _in_file(path) if part is None else Place(path.parent, [given.name], notes=(f"its part {part!r}",))


def _nearest_beside(given: Path) -> str:
    """Return a hint for a path that does not exist: the file with the nearest name, or what to name instead."""
    beside = given.parent.iterdir() if given.parent.is_dir() else ()
    names = {path.stem: path.name for path in sorted(beside) if path.exists() and not path.name.startswith(".")}
    # by their stems, since any two names of one suffix are alike
    near = nearest(given.stem, names)
    if near is None:
        return "name a file of labelled text, or a folder of them"
    return f"did you mean {given.with_name(names[near])}?"


def _in_file(path: Path) -> Place:
    check_format(path)
    parts = parts_of(path) or []
    test = split_named(parts, TEST)
    train = split_named(parts, TRAIN) or next((part for part in parts if part != test), None)
    if len(parts) < 2:
        return Place(path.parent, [path.name])
    unread = [part for part in parts if part not in (train, test)]
    notes = [f"{path.name} holds {', '.join(parts)[:200]}: {train} is read for training"]
    notes += [f"{', '.join(unread)[:200]} not read; name another as {path.name}{MARK}PART"] if unread else []
    return Place(path.parent, [f"{path.name}{MARK}{train}"], f"{path.name}{MARK}{test}" if test else None, tuple(notes))


def _in_folder(folder: Path) -> Place:
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not is_about(path.name))
    folders = {path.name: path for path in inside if path.is_dir()}
    tables = [path for path in inside if path.is_file() and _suffix(path) in FORMATS]
    kinds = sorted({_ending(path.name) for path in tables})
    if len(kinds) > MOST_KINDS:
        raise StrataError(
            f"{folder}: holds {len(tables):,} files of several kinds ({', '.join(kinds)}); name one of them, or put "
            "those of one data set into a folder"
        )
    if train := split_named(list(folders), TRAIN) or _only_part(folders, TRAIN):
        return _in_split_folders(folder, folders, train, [path.name for path in inside if path.is_file()])
    if pattern := _label_pattern(folder):
        return Place(folder, [pattern], notes=(_note(pattern, folder), *_left_out(folder, folder, pattern)))
    if len(folders) == 1 and not tables:  # an archive often unpacks to one folder in another
        return find_place(*folders.values())
    others = [path for path in inside if path.is_file() and path not in tables]
    _check_beside(folder, tables, others)
    unread = (f"not read: {', '.join(path.name for path in others)[:200]}",) if others else ()
    if pattern := _label_in_names(tables):
        place = Place(folder, [pattern], notes=(f"the label is in the name of each file: {pattern}",))
        rest = [path.name for path in tables if path not in folder.glob(pattern.replace(PLACEHOLDER, "*"))]
        unread = (f"not read: {', '.join([*rest, *(path.name for path in others)])[:200]}",) if rest or others else ()
    elif train := _named_files(tables, TRAIN):
        place = _in_split_files(folder, tables, train)
    elif len(tables) == 1:
        place = _in_file(tables[0])
    else:
        place = _in_files(folder, tables, others)
    return place._replace(notes=(*place.notes, *unread))


def _label_in_names(tables: list[Path]) -> str | None:
    """Return the pattern of files of a text a line such as train_pos.txt and train_neg.txt, or None."""
    names = [name for name in _named_files(tables, TRAIN) if name.endswith(TEXT)]
    marks = {re.match("[^-_. ]*(.?)", name)[1] for name in names}
    heads = {re.match("[^-_. ]*", name)[0] for name in names}
    are_alike = len(names) > 1 and len(marks) == len(heads) == 1 and heads <= {*TRAIN}
    if not are_alike or not all(_is_prose(path) for path in tables if path.name in names):
        return None
    return f"{heads.pop()}{marks.pop()}{PLACEHOLDER}{TEXT}"


def _is_prose(path: Path) -> bool:
    """Return whether a .txt file holds no table, or one that only the commas of its texts make."""
    columns = _columns(path)
    if columns is None:
        return True
    with path.open("rb") as stream:
        return b"\t" not in stream.readline() and all(re.fullmatch(r"column_\d+", name) for name in columns)


def _check_beside(folder: Path, tables: list[Path], others: list[Path]) -> None:
    """Raise StrataError where the labels of a file stand in another beside it."""
    partners = {path.stem: path.name for path in others}
    paired = [path for path in tables if path.suffix == TEXT and path.stem in partners]
    if paired and 2 * len(paired) > len(tables):
        raise StrataError(
            f"{folder}: {paired[0].name} is annotated in {partners[paired[0].stem]}, which is not read; write a table "
            "with a row for each text and its label"
        )
    words = {path: {*re.split(r"[^a-z]+", path.stem.casefold())} for path in tables if path.suffix == TEXT}
    for labels in (path for path, parts in words.items() if parts & LABEL_WORDS):
        rest = words[labels] - LABEL_WORDS
        texts = next((path for path, parts in words.items() if path != labels and parts - TEXT_WORDS == rest), None)
        if texts and _line_count(texts) == _line_count(labels):
            raise StrataError(
                f"{folder}: the labels of the lines of {texts.name} stand in {labels.name}; join them: paste "
                f"{labels.name} {texts.name} > rows.tsv"
            )


def _line_count(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


def _in_split_files(folder: Path, tables: list[Path], train: list[str]) -> Place:
    """Return the sources of a folder of files for each split."""
    tests = _named_files(tables, TEST)
    test = tests[0] if len(tests) == 1 else None
    notes = [f"{', '.join(train)[:200]} {'is' if len(train) == 1 else 'are'} read for training"]
    unread = [path.name for path in tables if path.name not in (*train, test)]
    notes += [f"not read: {', '.join(unread)[:200]}"] if unread else []
    return Place(folder, train, test, tuple(notes))


def _named_files(tables: list[Path], words: tuple[str, ...]) -> list[str]:
    """Return the file that is called train, or else those with the word in their names, as reviews_train.csv has."""
    stems = {path.name.split(".")[0]: path.name for path in tables}
    if whole := split_named(list(stems), words):
        return [stems[whole]]
    return [name for stem, name in stems.items() if _has_word(stem, words)]


def _has_word(name: str, words: tuple[str, ...]) -> bool:
    return bool({*words} & {*re.split(r"[^a-z]+", name.casefold())})


def _only_part(folders: dict[str, Path], words: tuple[str, ...]) -> str | None:
    """Return the one folder with a word in its name, such as training_data, or None."""
    named = [name for name in folders if _has_word(name, words)]
    return named[0] if len(named) == 1 else None


def _in_split_folders(folder: Path, folders: dict[str, Path], train: str, beside: list[str]) -> Place:
    """Return the sources of a folder with a folder for each split. beside: the names of the files beside them."""
    pattern = _label_pattern(folders[train])
    if not pattern:
        raise StrataError(
            f"{folders[train]}: no folder for each label in it; name a file, or a folder of such folders, each with "
            "its texts"
        )
    test = split_named(list(folders), TEST) or _only_part(folders, TEST)
    has_test = test and _label_pattern(folders[test]) == pattern
    notes = [_note(pattern, folders[train], f"{train}/")]
    unread = [name for name in (*folders, *beside) if name not in (train, test if has_test else None)]
    notes += [f"not read: {', '.join(unread)[:200]}"] if unread else []
    for split in [train, *([test] if has_test else [])]:
        notes += _left_out(folder, folders[split], pattern)
    return Place(folder, [f"{train}/{pattern}"], f"{test}/{pattern}" if has_test else None, tuple(notes))


def _left_out(folder: Path, within: Path, pattern: str) -> list[str]:
    """Return a note on the files that a pattern leaves out. within: the folder in `folder` that it is matched in."""
    read = {*within.glob(pattern.replace(PLACEHOLDER, "*"))}
    files = (path.relative_to(folder) for path in within.rglob("*") if path.is_file() and path not in read)
    left = sorted(
        path.as_posix()
        for path in files
        if not any(part.startswith(".") for part in path.parts) and not is_about(path.name)
    )
    if not left:
        return []
    more = f" and {len(left) - MOST_NAMED:,} more" if len(left) > MOST_NAMED else ""
    return [f"not read: {', '.join(left[:MOST_NAMED])[:200]}{more}"]


def _note(pattern: str, folder: Path, before: str = "") -> str:
    """Say where the label stands in the paths of texts. before: what stands before the pattern."""
    note = f"the label is the folder of each text: {before}{pattern}"
    if pattern.startswith(f"{PLACEHOLDER}/**/"):
        return f"{note}, the outer one of two; the inner is {before}*/{PLACEHOLDER}/*"
    if pattern.startswith("*/"):
        outer = ", ".join(path.name for path in _folders(folder)[:5])
        about = f"the inner one of two, since {outer} hold folders of the same names"
        return f"{note}, {about}; the outer is {before}{PLACEHOLDER}/**/*"
    return note


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _texts(folder: Path) -> list[str]:
    files = (path.name for path in folder.iterdir() if path.is_file())
    return [name for name in files if not name.startswith(".") and not is_about(name)]


def _label_pattern(folder: Path) -> str | None:
    """Return the pattern of the texts in a folder of a folder for each label, or None.

    Where texts are two folders deep, the label is the inner folder if all outer ones hold folders of the same names,
    as books/pos, books/neg, films/pos and films/neg do, else the outer one.
    """
    labels = [label for label in _folders(folder) if _texts(label)]
    if len(labels) > 1:
        return f"{PLACEHOLDER}/*{_common_suffix(labels)}"
    inner = {outer.name: [label for label in _folders(outer) if _texts(label)] for outer in _folders(folder)}
    inner = {name: found for name, found in inner.items() if found}
    if labels or len(inner) < 2:
        return None
    suffix = _common_suffix([label for found in inner.values() for label in found])
    names = [{label.name for label in found} for found in inner.values()]
    is_inner = len(names[0]) > 1 and all(others == names[0] for others in names)
    return f"*/{PLACEHOLDER}/*{suffix}" if is_inner else f"{PLACEHOLDER}/**/*{suffix}"


def _common_suffix(folders: list[Path]) -> str:
    """Return the suffix of nearly all files in folders, if it is a format's; numbers as names, 49960, have none."""
    suffixes = Counter(_ending(name) for folder in folders for name in _texts(folder))
    suffix, count = suffixes.most_common(1)[0]
    return suffix if count > 0.9 * suffixes.total() and suffix.lower() in (TEXT, *FORMATS) else ""


def _in_files(folder: Path, tables: list[Path], others: list[Path]) -> Place:
    """Return the source of a folder of files: named after their labels, or parts of one table."""
    suffixes = {_ending(path.name) for path in tables}
    if not tables and len(others) > 1 and len({path.stem for path in others}) == 1:
        renamed = ", ".join(f"{path.suffix[1:]}.txt" for path in others[:5])
        raise StrataError(
            f"{folder}: {', '.join(path.name for path in others[:5])} differ in their suffix alone; if it is the label "
            f"of each of their lines, rename them to {renamed}"
        )
    if not tables and others:
        raise StrataError(refusal(others[0], Path(inner_name(others[0])).suffix.lower()))
    if not tables or len(suffixes) > 1:
        names = ", ".join(path.name for path in tables[:10]) or "no file or folder that can be read"
        raise StrataError(f"{folder}: holds {names}; name one file, or put files of one format into a folder")
    suffix = suffixes.pop()
    _check_numbered(folder, tables, suffix)
    columns = [_columns(path) for path in tables[:2]]
    has_label = any(
        name.casefold() in ("label", "class", "target", "sentiment", "category") for name in columns[0] or []
    )
    # reviews_1.json and reviews_2.json, each with a column of ratings, are parts of a table; 1.txt and 2.txt are not
    are_numbered = len({re.sub(r"\d+", "#", path.name) for path in tables}) == 1
    has_label |= are_numbered and any(map(is_label_name, columns[0] or []))
    if has_label or (columns[0] and len(columns[0]) == 2 and suffix == TEXT) or len(tables) > MOST_LABEL_FILES:
        return Place(folder, [f"*{suffix}"], notes=(f"all {len(tables)} files are read as one table: *{suffix}",))
    pattern = f"{PLACEHOLDER}{suffix}"
    return Place(folder, [pattern], notes=(f"the label is the name of each file: {pattern}",))


def _check_numbered(folder: Path, tables: list[Path], suffix: str) -> None:
    """Raise StrataError where names of texts, such as pos_001.txt, hold a label and a number."""
    labels = sorted({re.sub(r"\d+", "", path.name.removesuffix(suffix)).strip("-_. ()") for path in tables})
    if suffix == TEXT and len(labels) > 1 and len(tables) >= FEWEST_NUMBERED * len(labels):
        folders = ", ".join(f"{label or 'another'}/" for label in labels[:5])
        raise StrataError(
            f"{folder}: files such as {tables[0].name} are named after a label and a number; move the files of each "
            f"label to a folder of its own, {folders}, if each file is one text"
        )


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
    """Return the suffix of a file's format; an archive of several files has only its own."""
    try:
        return Path(inner_name(path)).suffix.lower()
    except StrataError:
        return path.suffix.lower()
