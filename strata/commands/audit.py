"""Tell which texts of one file are in another, copied or nearly.

    strata audit train.csv test.csv                  # from the root; any two files that ingest reads
    strata audit a.parquet b.jsonl --text review --text body --near-duplicate 0.8

Copies are equal up to case, spacing, HTML and punctuation; near-copies share most of their word shingles, themselves or
through a third text: see strata/duplicates/near_copies.py. `python -m stages.split --audit` is the same.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from strata.base.errors import StrataError, did_you_mean
from strata.duplicates import sketches as sketching
from strata.duplicates import ties
from strata.duplicates.near_copies import near_copies
from strata.reading.source_file import PLACE, SourceFile
from strata.rejects import Rejects

WIDTH = 150  # characters of an example shown


def texts(path: Path, column: str, rejects: Rejects) -> Iterator[list[str]]:
    """Yield a file's texts in batches; unreadable rows go to `rejects`. Raises: StrataError without such a column."""
    if not path.is_file():
        raise StrataError(f"{path}: no such file; name a file of texts")
    for table in SourceFile(path, rejects=rejects).tables():
        names = [name for name in table.column_names if name not in PLACE]
        if column not in names:
            raise StrataError(f"{path}: no column {column!r}; name it with --text{did_you_mean(column, names)}")
        yield [text or "" for text in table[column].to_pylist()]


def overlap(paths: list[Path], columns: list[str], threshold: float) -> dict:
    """Compare two files. columns: of the texts of each.

    Returns: the readable rows of each, how many have no text, and its rejects; pairs of a row of the first and one of
    the second that copies, or nearly copies, it, one pair for each such row of the second, as positions among readable
    rows, (pairs, 2) int.
    """
    rejects = [Rejects(), Rejects()]
    parts = [[sketching.sketch(batch) for batch in texts(*file)] for file in zip(paths, columns, rejects, strict=True)]
    counts = [sum(len(part.key) for part in file) for file in parts]
    sketches = sketching.concatenate([part for file in parts for part in file])
    n, first = len(sketches.key), counts[0]
    copied = sketching.first_copies(sketches.key)  # of the whole, so that a copy of the first file points into it
    rows = np.arange(n)
    has_text = sketches.key != sketching.text_hash("")
    exact = rows[(rows >= first) & (copied < first) & has_text]
    near = near_copies(sketches, threshold)
    cluster = ties.clusters(n, np.stack([copied, rows], axis=1), near)
    of_first = np.full(n, -1)
    of_first[cluster[:first][::-1]] = rows[:first][::-1]  # the first row of the first file in each cluster
    tied = rows[(rows >= first) & (of_first[cluster] >= 0) & (copied >= first)]
    direct = {int(b): int(a) for a, b in near if a < first <= b}
    pairs = [(direct.get(int(row), int(of_first[cluster[row]])), int(row)) for row in tied]
    return {
        "rows": counts,
        "empty": [int((~part).sum()) for part in np.split(has_text, [first])],
        "rejects": rejects,
        "copies": np.stack([copied[exact], exact - first], axis=1),
        "near_copies": np.array([(one, other - first) for one, other in pairs], dtype=np.int64).reshape(-1, 2),
    }


def examples(path: Path, column: str, wanted: set[int]) -> dict[int, str]:
    """Read the texts at some positions among a file's readable rows."""
    found, position = {}, 0
    for batch in texts(path, column, Rejects()):
        found |= {position + i: text for i, text in enumerate(batch) if position + i in wanted}
        position += len(batch)
    return found


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs=2, metavar="FILE")
    parser.add_argument(
        "--text",
        action="append",
        help="the column of texts, text unless given; twice where the files name it differently",
    )
    parser.add_argument("--near-duplicate", type=float, default=0.7, help="Jaccard similarity, 0.5 to 1")
    parser.add_argument("--examples", type=int, default=5, help="how many of each kind to show")
    args = parser.parse_args(argv)
    if not 0.5 <= args.near_duplicate <= 1:
        raise StrataError(f"--near-duplicate is {args.near_duplicate:g}, must be 0.5 to 1")
    columns = args.text or ["text"]
    if len(columns) > 2:
        raise StrataError(f"--text is given {len(columns)} times, must be once, or once for each file")
    columns = [columns[0], columns[-1]]
    one, other = args.files
    found = overlap(args.files, columns, args.near_duplicate)
    rows = found["rows"]
    print(f"audit: {one} {rows[0]:,} rows, {other} {rows[1]:,} rows")
    for path, rejects in zip(args.files, found["rejects"], strict=True):
        if rejects:
            first = f"line {rejects.first['line']} ({rejects.first['reason']})"
            print(f"audit: {len(rejects):,} rows of {path} cannot be read and are not compared; first: {first}")
    for path, empty in zip(args.files, found["empty"], strict=True):
        if empty:
            print(f"audit: {empty:,} rows of {path} have no text and copy nothing")
    for kind in ("copies", "near_copies"):
        pairs = found[kind]
        share = len(pairs) / max(1, rows[1])
        print(f"audit: {len(pairs):,} rows of {other} ({share:.2%}) are {kind.replace('_', '-')} of rows of {one}")
        pairs = pairs[: args.examples].tolist()
        shown = [examples(args.files[i], columns[i], {pair[i] for pair in pairs}) for i in range(2)]
        for pair in pairs:
            for path, position, text in zip(args.files, pair, shown, strict=True):
                print(f"  {path.name}, row {position + 1:,}: {' '.join(text[position].split())[:WIDTH]}")
            print()
