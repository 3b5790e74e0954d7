"""Count the texts of one file that are in another, copied or nearly, and show some.

    $ strata audit train.csv test.csv --examples 1
    audit: train.csv 500 rows, test.csv 200 rows
    audit: 1 rows of test.csv (0.50%) are copies of rows of train.csv
      train.csv, row 4: perhaps no picture ever made has more literally showed that the road to hell ...
      test.csv, row 18: PERHAPS NO PICTURE EVER MADE HAS MORE LITERALLY SHOWED THAT THE ROAD TO HELL ...

    audit: 1 rows of test.csv (0.50%) are near-copies of rows of train.csv
      train.csv, row 1: the rock is destined to be the 21st century's new " conan " and that he's ...
      test.csv, row 41: the rock is destined to be a 21st century's new " conan " and that he's ...

Any two files that ingest reads, or one sheet or list of a file (reviews.xlsx#May). Copies are equal up to case,
spacing, HTML and punctuation. Near-copies share most of their three-word shingles, themselves or through a third text.
"""

from argparse import ArgumentTypeError
from pathlib import Path

from strata.base.errors import StrataError
from strata.commands.arguments import parser
from strata.duplicates.overlap import overlap
from strata.reading.texts import texts_at

WIDTH = 150  # characters of an example shown


def similarity(word: str) -> float:
    """Read a Jaccard similarity. Raises: ArgumentTypeError outside 0.5 to 1."""
    if not 0.5 <= float(word) <= 1:
        raise ArgumentTypeError(f"is {word}, must be 0.5 to 1")
    return float(word)


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("audit", __doc__)
    arguments.add_argument("files", type=Path, nargs=2, metavar="FILE", help="a file, or FILE#SHEET")
    arguments.add_argument(
        "--text",
        action="append",
        metavar="COLUMN",
        help="the column of texts, text unless given; given twice if the files name it differently",
    )
    arguments.add_argument(
        "--near-duplicate",
        type=similarity,
        default=0.7,
        metavar="S",
        help="Jaccard similarity, 0.5 to 1; 0.7 unless given",
    )
    arguments.add_argument("--examples", type=int, default=5, metavar="N", help="pairs of each kind to show")
    args = arguments.parse_args(argv)
    columns = args.text or ["text"]
    if len(columns) > 2:
        raise StrataError(f"--text is given {len(columns)} times, must be once, or once for each file")
    columns = [columns[0], columns[-1]]
    shared = overlap(args.files, columns, args.near_duplicate)
    print(f"audit: {args.files[0]} {shared.rows[0]:,} rows, {args.files[1]} {shared.rows[1]:,} rows")
    for path, rejects in zip(args.files, shared.rejects, strict=True):
        if rejects:
            first = f"line {rejects.first['line']} ({rejects.first['reason']})"
            print(f"audit: {len(rejects):,} rows of {path} cannot be read and are not compared; first: {first}")
    for path, empty in zip(args.files, shared.empty, strict=True):
        if empty:
            print(f"audit: {empty:,} rows of {path} have no text and copy nothing")
    for kind, pairs in (("copies", shared.copies), ("near-copies", shared.near_copies)):
        share = len(pairs) / max(1, shared.rows[1])
        print(f"audit: {len(pairs):,} rows of {args.files[1]} ({share:.2%}) are {kind} of rows of {args.files[0]}")
        show(args.files, columns, pairs[: max(0, args.examples)].tolist())


def show(files: list[Path], columns: list[str], pairs: list[list[int]]) -> None:
    """Print the beginning of both texts of each pair."""
    texts = [texts_at(files[i], columns[i], {pair[i] for pair in pairs}) if pairs else {} for i in range(2)]
    for pair in pairs:
        for path, position, text in zip(files, pair, texts, strict=True):
            print(f"  {path.name}, row {position + 1:,}: {' '.join(text[position].split())[:WIDTH]}")
        print()
