"""A file's rows, labelled: read and scored in blocks, and written at the end as one file."""

import hashlib
import sys
from collections.abc import Callable, Iterator
from itertools import chain, count, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pyarrow as pa
import tokenizers
from tqdm import tqdm

import strata
from strata import cpu
from strata.base.errors import StrataError
from strata.base.printable import printable
from strata.labelling import outputs, side_by_side
from strata.labelling.labeller import Labeller
from strata.labelling.partial import Partial
from strata.labelling.rows import Rows
from strata.labelling.source import Unchanged, blocks, identity, raw_file
from strata.labelling.text_columns import preparation_for
from strata.reading.raw_files import RawFile
from strata.reading.source_file import SourceFile
from strata.rejects import Rejects
from strata.runtime import manifest
from strata.runtime.predictor import Predictor

REJECTS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("raw", pa.string())])
ROOMS = ("base", "labelling", "reading", "runtime", "text", "tfidf")  # whose code decides what a block holds


Engine = Callable[
    [Labeller, Iterator[pa.Table], Callable[[int, int], bool]], Iterator[tuple[int, int, pa.Table | None]]
]
"""Yields each block's number, its rows and the labelled block, None where it is done already, in any order."""


class Options(NamedTuple):
    """model: the file in the folder. text: columns of the texts; none to find them. every: a column for each label."""

    model: str
    text: tuple[str, ...] = ()
    every: bool = False


def report(words: str) -> None:
    """Print a sentence for the user on stderr, above the progress bar."""
    tqdm.write(f"predict: {printable(words)}", file=sys.stderr)


def check_paths(given: Path, options: Options, out: Path) -> RawFile:
    """Return the file that is labelled. Raises: StrataError when it is missing, or `out` cannot be written."""
    outputs.check_suffix(out)
    if out.is_dir():
        raise StrataError(f"--out {out}: is a folder; name a file in it")
    if out.parent.is_file():
        raise StrataError(f"--out {out}: {out.parent} is a file, not a folder")
    file = raw_file(given, bool(options.text))
    for path in (out, rejects_path(out)):
        if path.exists() and path.samefile(file.path):
            raise StrataError(f"--out {out}: would replace {file.path}, which is read; name another file")
    return file


def rejects_path(out: Path) -> Path:
    """Return where the rows are set aside that cannot be read."""
    return out.with_name(f"{out.name}.rejects.parquet")


def label_file(
    folder: Path,
    predictor: Predictor,
    file: RawFile,
    options: Options,
    out: Path,
    engine: Engine = side_by_side.labelled_blocks,
) -> str:
    """Label a file's rows and write them to `out`; return a sentence that says how many they are.

    engine: labels blocks; on this machine's cores unless another one is given.
    What an earlier run of the same call left when it was killed is not computed again.
    Raises: StrataError when no row can be read, the model fails, or the disk is full or read-only.
    """
    unchanged = Unchanged(file.path)
    with Partial(out, _key(folder, file, options), report) as partial:
        with Rejects(partial.rejects, REJECTS) as rejects:
            _label(predictor, file, options, engine, partial, rejects, unchanged)
        unchanged.check()
        rows = Rows(list(takewhile(Path.exists, map(partial.path, count()))))
        for said in rows.renamed():
            report(f"{file.path.name} has a column {said}")
        outputs.write(out, rows.batches(), rows.schema)
        if len(rejects):
            partial.rejects.replace(rejects_path(out))
        else:
            rejects_path(out).unlink(missing_ok=True)  # of an earlier file of the same name
    return _summary(out, rows, rejects)


def _key(folder: Path, file: RawFile, options: Options) -> dict[str, Any]:
    """Return what decides the blocks: the file, the model, the options, and the code that reads and scores."""
    return {
        "file": identity(file),
        "model": hashlib.sha256((folder / manifest.NAME).read_bytes()).hexdigest(),
        "options": options,
        "code": _code(),
        "libraries": [module.__version__ for module in (np, onnxruntime, tokenizers, pa)],
        "cpu": cpu.flags(),
    }


def _code() -> str:
    """Return a hash of the code that reads, prepares and scores."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((Path(strata.__file__).parent / room).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _label(
    predictor: Predictor,
    file: RawFile,
    options: Options,
    engine: Engine,
    partial: Partial,
    rejects: Rejects,
    unchanged: Unchanged,
) -> None:
    """Label the blocks of a file that are not done yet. unchanged: no block of a file that has changed is kept."""
    source = SourceFile(file, rejects=rejects, report=report)
    upcoming = blocks(source.tables())
    first = next(upcoming, None)
    if first is None:
        raise StrataError(f"{file.path}: no readable row in it{_first(rejects)}")
    preparation = preparation_for(file.path, first, predictor.preparation, options.text, report)
    labeller = Labeller(predictor, preparation, options.every)
    rows = 0
    with tqdm(desc="predict", unit=" rows", unit_scale=True, disable=None) as bar:
        for number, block_rows, labelled in engine(labeller, chain([first], upcoming), partial.has):
            if labelled is not None:
                unchanged.check()
                partial.write(number, labelled)
            rows += block_rows
            bar.update(block_rows)
    if source.rows_read != rows + len(rejects):
        raise AssertionError(f"{file.path}: rows were lost")


def _first(rejects: Rejects) -> str:
    """Return what is said of the first row that cannot be read."""
    if not rejects.first:
        return ""
    return f"; the first: line {rejects.first['line']:,}, {rejects.first['reason']}"


def _summary(out: Path, rows: Rows, rejects: Rejects) -> str:
    """Return how many rows were labelled, were not, and why."""
    unlabelled = {"without a text": rows.without_text, "not sure": rows.not_sure}
    counts = [f"{count:,} {what}" for what, count in unlabelled.items() if count]
    about = f" (label null: {', '.join(counts)})" if counts else ""
    aside = f"; {len(rejects):,} could not be read: {rejects_path(out)}{_first(rejects)}" if len(rejects) else ""
    return f"{out}: {rows.count:,} {'row' if rows.count == 1 else 'rows'}{about}{aside}"
