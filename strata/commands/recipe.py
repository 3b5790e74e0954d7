"""Write a first recipe for a file of labelled text, and say what was guessed.

    $ strata recipe reviews.csv
      review: 'a direct-to-void release , heading nowhere .'
      sentiment: 'neg'
    ...
    review: 21.3 words, 0.0% empty, 500 values: ...
    sentiment: 1.0 words, 0.0% empty, 2 values: 'pos' 264, 'neg' 236

    recipes/reviews.yaml: text review, label sentiment with 2 labels
    next: dvc exp run -S recipe=reviews

Any format that ingest reads will do. The file is linked into data/raw/NAME/, where its recipe finds it.
"""

import os
import re
import shutil
from pathlib import Path

from strata.base import files
from strata.base.errors import StrataError
from strata.commands.arguments import add_project, parser
from strata.guessing.compose import compose
from strata.guessing.guess import guess, header_doubts, survey
from strata.reading.formats import DELIMITED
from strata.reading.source_file import SourceFile
from strata.rejects import Rejects
from strata.settings.recipe import Recipe
from strata.settings.yaml_loader import parse_yaml

PREVIEW = 3  # rows shown
WIDTH = 100  # characters of a line shown
RAW = "data/raw"


def recipe_name(given: str | None, path: Path, raw: Path) -> str:
    """Return the name of a file's recipe: the given one, else its folder's in data/raw, else its own."""
    is_placed = path.resolve().parent.parent == raw.resolve()
    name = given or (path.resolve().parent.name if is_placed else path.name.split(".")[0])
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or "mine"
    # 2024, null and true are no strings to YAML, nor is a date to DVC
    is_string = isinstance(parse_yaml(name), str) and not re.match(r"\d{4}-\d", name)
    return name if is_string else f"data_{name}"


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


def reject_doubts(rejects: Rejects) -> list[str]:
    """Return what there is to say of rows that cannot be read."""
    if not rejects:
        return []
    first = f"line {rejects.first['line']} ({rejects.first['reason']})"
    return [
        f"{len(rejects):,} rows cannot be read, first {first}; mend them, or raise ingest.max_rejects in params.yaml"
    ]


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("recipe", __doc__)
    arguments.add_argument("file", type=Path, metavar="FILE")
    arguments.add_argument("--name", help="of the recipe; the file's unless given")
    arguments.add_argument("--force", action="store_true", help="replace a recipe of this name")
    add_project(arguments)
    args = arguments.parse_args(argv)
    if not args.file.is_file():
        raise StrataError(f"{args.file}: no such file; name a file of labelled text")
    raw = args.project / RAW
    name = recipe_name(args.name, args.file, raw)
    recipe = args.project / "recipes" / f"{name}.yaml"
    if recipe.exists() and not args.force:
        raise StrataError(f"{recipe}: is there already; --force replaces it, --name chooses another")

    source = SourceFile(args.file)
    columns, preview = survey(source, PREVIEW)
    for row in preview:
        print(*(f"  {key}: {str(value)[: WIDTH - len(key)]!r}" for key, value in row.items()), sep="\n", end="\n\n")
    for column in columns:
        print(f"{column.name}: {column.about()}")
    guessed = guess(args.file, columns)
    text = compose(args.file.name, guessed)
    Recipe.model_validate(parse_yaml(text))
    place(args.file, raw / name)
    with files.replace_file(recipe) as partial:
        partial.write_text(text, encoding="utf-8")
    print(f"\n{recipe}: text {guessed.text}, label {guessed.label} with {len(guessed.labels)} labels")
    doubts = header_doubts(columns) if source.suffix in DELIMITED else []
    for doubt in doubts + guessed.unsure + reject_doubts(source.rejects):
        print(f"not sure: {' '.join(doubt.split())}")
    print(f"next: {'' if args.project == Path() else f'cd {args.project}; '}dvc exp run -S recipe={name}")
