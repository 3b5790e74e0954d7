"""Write a first recipe for a file of labelled text, and say what was guessed.

    $ strata recipe reviews.csv
      review: 'a direct-to-void release , heading nowhere .'
      sentiment: 'neg'
    ...
    review: 21.3 words, 0.0% empty, 500 values: ...
    sentiment: 1.0 words, 0.0% empty, 2 values: 'pos' 264, 'neg' 236

    recipes/reviews.yaml: text review, label sentiment with 2 labels
    positive: pos, which precision, recall and F1 are about
    staged, commit before you queue experiments: recipes/reviews.yaml, data/raw/reviews.dvc, data/raw/.gitignore
    next: dvc exp run -S recipe=reviews

Any format that ingest reads will do, one sheet or list of a file (reviews.xlsx#May), or a folder: of a folder of texts
for each label, or of files named after their labels. The files are put into data/raw/NAME/, where their recipe finds
them. DVC tracks the folder (dvc add), and Git stages the recipe. Nothing is committed: do so before you queue
experiments, which run in clones, since any other dvc exp run takes new files out of Git's index.
"""

import os
import re
import shlex
import shutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from strata.base import files
from strata.base.errors import StrataError
from strata.commands.arguments import add_project, parser
from strata.guessing.choose_label import Wishes, allowing
from strata.guessing.columns import Column, counted_rows, survey
from strata.guessing.compose import compose
from strata.guessing.guess import Guess, guess, header_doubts
from strata.guessing.place import Place, find_place
from strata.guessing.whole_files import said_of_whole_files
from strata.label_rules import canonical_values
from strata.reading.dialect import DELIMITER_NAMES
from strata.reading.encoding import mixed_remedy
from strata.reading.formats import DELIMITED
from strata.reading.open_files import Rows, opened
from strata.reading.parts import named_part
from strata.reading.raw_files import PLACEHOLDER, RawFile, raw_files
from strata.reading.source_file import SourceFile
from strata.reading.values import INVALID
from strata.rejects import Rejects
from strata.runs.tracking import track
from strata.settings.recipe import Recipe
from strata.settings.yaml_loader import parse_yaml
from strata.several_labels import SET
from strata.yaml_words import flow

PREVIEW = 3  # rows shown
WIDTH = 100  # characters of a line shown
RAW = "data/raw"
UNDELIMITED = (
    f"no known delimiter splits its lines, so it has one column; known delimiters: {DELIMITER_NAMES} (.tsv: only tab)"
)


def recipe_name(given: str | None, path: Path, raw: Path) -> str:
    """Return the name of a recipe: the given one, else that of the folder in data/raw that `path` is in or is, else
    the path's own.
    """
    at = path.resolve()
    placed = next((parent.name for parent in (at, *at.parents) if parent.parent == raw.resolve()), None)
    name = given or placed or path.name.split(".")[0]
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-") or "mine"
    if name == "template":
        raise StrataError("recipes/template.yaml is there to be copied; choose another --name")
    # 2024, null and true are no strings to YAML, nor is a date to DVC
    is_string = isinstance(parse_yaml(name), str) and not re.match(r"\d{4}-\d", name)
    return name if is_string else f"data_{name}"


def link(path: Path, target: Path) -> None:
    """Link or copy a file to its place in its recipe's folder, unless it is there."""
    if target.exists() and target.samefile(path):
        return
    if target.exists():
        raise StrataError(
            f"{target}: another file of this name is there; choose another --name, or replace it yourself: "
            f"cp {shlex.quote(str(path))} {shlex.quote(str(target))}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with files.replace_file(target) as partial:
        try:
            os.link(path.resolve(), partial)  # the link of a link would lead nowhere from here
        except OSError:  # on another file system
            shutil.copyfile(path, partial)


def link_all(sources: list[str], folder: Path, target: Path) -> None:
    """Link the files of sources into a recipe's folder.

    Raises: StrataError when a source's pattern would also match other files there.
    """
    for source in sources:
        inside = {file.path.relative_to(folder) for file in raw_files(source, folder)}
        pattern = source.replace(PLACEHOLDER, "*")
        others = {path.relative_to(target) for path in target.glob(pattern)} - inside if "*" in pattern else set()
        if others:
            raise StrataError(f"{target}: holds {min(others)}, which {source} would match too; choose another --name")
        for path in sorted(inside):
            link(folder / path, target / path)


def reject_doubts(rejects: Rejects) -> list[str]:
    """Return the doubts about rows that cannot be read."""
    if not rejects:
        return []
    them, their = ("it", "its") if len(rejects) == 1 else ("them", "their")
    remedy = (
        f"name {their} encoding in a recipe (source.encoding, in recipes/template.yaml)"
        if rejects.first["reason"] == INVALID
        else f"fix {them}"
    )
    file = rejects.first["file"]
    place = f"{file}, " if "/" in file else ""  # a text in the folder of its label
    if place:
        remedy += f", remove {'it' if len(rejects) == 1 else 'the files that are no text'}"
    raw = (rejects.first["raw"] or "").strip()[:60]
    first = f"{place}line {rejects.first['line']} ({rejects.first['reason']}): {raw!r}"
    return [
        f"{counted_rows(len(rejects))} cannot be read, first {first}; {remedy}, or raise ingest.max_rejects in "
        f"params.yaml{mixed_remedy(rejects.first)}"
    ]


def surveyed(place: Place, wishes: Wishes, text: str | None) -> tuple[list[Column], Guess, list[str]]:
    """Read the training files, print what they hold, and return their columns, the guess and the doubts about it.

    Raises: StrataError when most rows cannot be read, or no label can be guessed.
    """
    found = [file for source in place.train for file in raw_files(source, place.folder)]
    about = said_of_whole_files([file.path for file in found if file.is_text])
    rejects = Rejects()
    sources = list(opened(found, place.folder, None, rejects))
    is_delimited = any(isinstance(source, SourceFile) and source.suffix in DELIMITED for source in sources)
    columns: list[Column] = []
    try:
        columns, preview = survey(sources, PREVIEW)
        show(columns, preview)
        if len(rejects) > columns[0].rows:
            raise StrataError(f"{found[0].path}: only {counted_rows(columns[0].rows)} can be read")
        names = {column: given for source in sources for column, given in source.class_names.items()}
        guessed = guess(
            found[0].path,
            columns,
            wishes,
            text,
            names,
            lambda flags: rows_by_flags(place, found, flags),
            lambda text, label: pairs(place, found, text, label),
            by_path(found),
        )
    except StrataError as error:
        undelimited = [UNDELIMITED] if is_delimited and len(columns) == 1 else []
        raise StrataError(
            "; ".join([str(error), *undelimited, *place.notes, *about, *reject_doubts(rejects)])
        ) from None
    if rejects:
        allowed = allowing("ingest.max_rejects", len(rejects), columns[0].rows + len(rejects))
        rows = "row that cannot be read" if len(rejects) == 1 else f"{len(rejects):,} rows that cannot be read"
        guessed.steps.append(f"fix the {rows}, or {allowed}")
    doubts = header_doubts(columns) if is_delimited and not by_path(found) else []
    return columns, guessed, [*about, *doubts, *guessed.unsure, *reject_doubts(rejects)]


def by_path(found: list[RawFile]) -> bool:
    """Return whether the files' paths hold the labels."""
    return found[0].label is not None


def show(columns: list[Column], preview: list[dict]) -> None:
    """Print the first rows and a line on each column."""
    for row in preview:
        print(*(f"  {key}: {str(value)[: WIDTH - len(key)]!r}" for key, value in row.items()), sep="\n", end="\n\n")
    for column in columns:
        print(f"{column.name}: {column.about()}")


def rows_by_flags(place: Place, found: list[RawFile], flags: list[str]) -> Counter[int]:
    """Return the rows by the number of columns of 0 and 1 that are set."""
    rows: Counter[int] = Counter()
    for source in opened(found, place.folder, None, Rejects(), lambda _: None):
        for table in source.tables():
            present = table.select([name for name in flags if name in table.column_names]).to_pandas()
            is_set = present.apply(lambda column: canonical_values(column).str.lower()).isin(SET)
            rows.update(is_set.sum(axis=1).tolist())
    return rows


def pairs(place: Place, found: list[RawFile], *names: str) -> Iterator[tuple[str | None, ...]]:
    """Yield each row's values of some columns."""
    for source in opened(found, place.folder, None, Rejects(), lambda _: None):
        for table in source.tables():
            empty = [None] * len(table)
            columns = (table[name].to_pylist() if name in table.column_names else empty for name in names)
            yield from zip(*columns, strict=True)


def usable_test(place: Place, guessed: Guess) -> tuple[str | None, list[str]]:
    """Return the test source, or None if it lacks the text or label column, and notes on it."""
    if place.test is None:
        return None, []
    found = raw_files(place.test, place.folder)
    first: Rows = next(iter(opened(found, place.folder, None, Rejects(), lambda _: None)))
    try:
        table: pa.Table | None = next(first.tables(), None)
    except StrataError as error:
        return None, [f"{place.test} is no test split: {error}"]
    label = guessed.label["column"] if isinstance(guessed.label, dict) else guessed.label
    required = {guessed.text, *([label] if isinstance(label, str) else label)}
    missing = required - set(table.column_names if table is not None else [])
    if missing:
        return None, [f"{place.test} is no test split, since it has no {', '.join(sorted(missing))}"]
    return place.test, []


def check_alone(file: Path, others: list[str], project: Path) -> None:
    """Raise StrataError when more than one file is given, or a recipe. others: those after the first."""
    if others and named_part(file) is None and not file.exists() and Path(others[-1]).exists():
        raise StrataError(
            f"{file}: no such file; the name of a recipe is an option: strata recipe {shlex.quote(others[-1])} "
            f"--name {shlex.quote(str(file))}"
        )
    if others:
        raise StrataError(
            f"{1 + len(others):,} files, {file} and so on; name one file, or a folder of files that belong together"
        )
    if file.is_file() and file.resolve().parent == (project / "recipes").resolve():
        raise StrataError(
            f"{file}: a recipe, not data; name a file of labelled text, or run it: dvc exp run -S recipe={file.stem}"
        )


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("recipe", __doc__)
    arguments.add_argument("file", type=Path, metavar="FILE", help="a file, FILE#SHEET, or a folder")
    arguments.add_argument("--name", help="of the recipe; the file's unless given")
    arguments.add_argument("--text", metavar="COLUMN", help="the column of texts; guessed unless given")
    arguments.add_argument("--label", metavar="COLUMN", help="the column of labels; guessed unless given")
    arguments.add_argument("--first", action="store_true", help="of several labels in a row, the first counts")
    arguments.add_argument("--has", metavar="LABEL", help="of several labels: does the row have this one?")
    arguments.add_argument("--force", action="store_true", help="replace a recipe of this name")
    add_project(arguments)
    args, others = arguments.parse_known_args(argv)
    if any(word.startswith("-") for word in others):
        arguments.error(f"unrecognized arguments: {' '.join(others)}")
    check_alone(args.file, others, args.project)
    place = find_place(args.file)
    raw = args.project / RAW
    name = recipe_name(args.name, args.file, raw)
    recipe = args.project / "recipes" / f"{name}.yaml"
    if recipe.exists() and not args.force:
        raise StrataError(f"{recipe}: is there already; --force replaces it, --name chooses another")

    _, guessed, doubts = surveyed(place, Wishes(args.label, args.first, args.has), args.text)
    test, notes = usable_test(place, guessed)
    text = compose(place.train, test, guessed)
    Recipe.model_validate(parse_yaml(text))
    link_all([*place.train, *([test] if test else [])], place.folder, raw / name)
    with files.replace_file(recipe) as partial:
        partial.write_text(text, encoding="utf-8")
    label = guessed.label if isinstance(guessed.label, str) else flow(guessed.label)
    print(f"\n{recipe}: text {guessed.text}, label {label} with {len(guessed.labels)} labels")
    if args.name and args.name != name:
        print(f"named {name}, since a name has letters, digits, - and _ alone, and is no number or word of YAML")
    if guessed.positive:
        print(f"positive: {guessed.positive}, which precision, recall and F1 are about")
    for note in place.notes:
        print(f"source: {note}")
    if test:
        print(f"source: {test} is the test split")
    for doubt in [*notes, *doubts]:
        print(f"not sure: {' '.join(doubt.split())}")
    try:
        print(f"staged, commit before you queue experiments: {', '.join(track(args.project, name))}")
    except StrataError as error:
        print(f"not staged, so dvc exp run --queue and --temp will not find the data: {error}")
    if Path(shutil.which("python") or "").parent != Path(sys.executable).parent:
        print("before dvc: source .venv/bin/activate, since the stages run `python`, which is another one here")
    before = f"{'; '.join(guessed.steps)}; then " if guessed.steps else ""
    print(f"next: {before}{'' if args.project == Path() else f'cd {args.project}; '}dvc exp run -S recipe={name}")
