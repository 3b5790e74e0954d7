"""Write a first recipe for a file of labelled text, and say what was guessed.

    strata recipe reviews.csv                  # from the root; writes recipes/reviews.yaml
    strata recipe reviews.csv --name films     # recipes/films.yaml; --force replaces one that is there

Any format that ingest reads will do. The file is linked into data/raw/NAME/, where its recipe finds it.
"""

import argparse
import os
import re
import shutil
from pathlib import Path

from ruamel.yaml import YAML

from strata.base import files
from strata.base.errors import StrataError
from strata.guessing.guess import Guess, guess, header_doubts, survey
from strata.reading.formats import DELIMITED
from strata.reading.source_file import SourceFile
from strata.settings.recipe import Recipe

PREVIEW = 3  # rows shown
WIDTH = 100  # characters of a line shown


def string(value: str) -> str:
    """Write a string as YAML: plain where that is safe, else in double quotes."""
    plain = re.fullmatch(r"[A-Za-z_][\w-]*( [\w-]+)*", value, re.ASCII)
    if plain and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n"):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def scalar(value: str | list[str]) -> str:
    """Write a label's value as YAML, or several; the numbers and booleans that YAML spells alike are plain."""
    if isinstance(value, list):
        return f"[{', '.join(map(scalar, value))}]"
    return value if re.fullmatch(r"0|-?[1-9][0-9]{0,17}|true|false", value) else string(value)


def compose(file: str, found: Guess) -> str:
    """Return the recipe's text."""
    labels = "\n".join(f"  {string(name)}: {scalar(value)}" for name, value in found.labels.items())
    group = "null # a column whose equal values (an author, a film) belong together"
    if found.group:
        group = f"null # perhaps {string(found.group)}: rows of one value would stay on one side of every split"
    return f"""# yaml-language-server: $schema=../strata/settings/recipe.schema.json
# Guessed by strata recipe from all rows of the file; look it through before you trust a score.
source:
  train: {string(file)} # in data/raw/, in the folder named as this recipe
  test: null # a ready-made test file, which then stays the test split
columns:
  text: {string(found.text)} # or a list of columns to join
  label: {string(found.label)}
  group: {group}
labels: # name: the source's value, a list of values, "*" for all the rest, or a rule such as ">= 7"
{labels}
positive: {string(found.positive) if found.positive else "null"} # of two labels, the one precision and recall speak of
keep:
  min_words: 1 # drops empty texts
clean: [html, whitespace] # in this order; also lowercase, punctuation, unicode
annotate: [] # columns appended to the text as special tokens
sample: null # at most this many rows, each label at its own share
"""


def place(path: Path, folder: Path) -> None:
    """Link or copy a file into its recipe's folder, unless it is there."""
    target = folder / path.name
    if target.exists() and target.samefile(path):
        return
    if target.exists():
        raise StrataError(f"{target}: another file of this name is there; choose another --name")
    folder.mkdir(parents=True, exist_ok=True)
    with files.replace_file(target) as partial:
        try:
            os.link(path, partial)
        except OSError:  # on another file system
            shutil.copyfile(path, partial)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--name")
    parser.add_argument("--force", action="store_true")
    args = parser.parse_args(argv)
    path: Path = args.file
    if not path.is_file():
        raise StrataError(f"{path}: no such file; name a file of labelled text")
    raw = Path("data/raw")
    is_placed = path.resolve().parent.parent == raw.resolve()
    name = args.name or (path.resolve().parent.name if is_placed else re.split(r"\.", path.name)[0])
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or "mine"
    if not isinstance(YAML(typ="safe", pure=True).load(name), str):  # 2024, null, true
        name = f"data_{name}"
    recipe = Path("recipes") / f"{name}.yaml"
    if recipe.exists() and not args.force:
        raise StrataError(f"{recipe}: is there already; --force replaces it, --name chooses another")

    source = SourceFile(path)
    columns, preview = survey(source, PREVIEW)
    for row in preview:
        print(*(f"  {key}: {str(value)[: WIDTH - len(key)]!r}" for key, value in row.items()), sep="\n", end="\n\n")
    for column in columns:
        print(f"{column.name}: {column.about()}")
    found = guess(path, columns)
    if source.suffix in DELIMITED:
        found.unsure = header_doubts(columns) + found.unsure
    text = compose(path.name, found)
    Recipe.model_validate(YAML(typ="safe", pure=True).load(text))
    place(path, raw / name)
    with files.replace_file(recipe) as partial:
        partial.write_text(text, encoding="utf-8")
    print(f"\n{recipe}: text {found.text}, label {found.label} with {len(found.labels)} labels")
    if source.rejects:
        first = source.rejects.first
        found.unsure.append(
            f"{len(source.rejects):,} rows cannot be read, first line {first['line']} ({first['reason']}); mend them, "
            "or raise ingest.max_rejects in params.yaml"
        )
    for doubt in found.unsure:
        print(f"not sure: {' '.join(doubt.split())}")
    print(f"next: dvc exp run -S recipe={name}")
