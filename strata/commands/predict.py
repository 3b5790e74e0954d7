"""Label texts with a model folder: what quantize wrote, or what was published.

    $ strata predict models/quantize "a warm, funny film" "heading nowhere"
    {"label": "positive", "probability": 0.9514288114358818}
    {"label": "negative", "probability": 0.9047615720294048}

One line of JSON for each text; without a text, or with -, standard input is read, a text a line, and each line is
answered as soon as it is there. Starts in half a second: neither torch nor transformers is imported. A text is cut to
as many tokens as when the model was scored. --explain adds the words that carry each answer, in colour on a terminal.

With --out, the rows of a file are labelled: of any format that ingest reads, or FILE#SHEET. Out comes CSV, JSON Lines
or Parquet with the columns of the file, and the label and its probability:

    $ strata predict models/quantize reviews.csv --out labelled.csv
    predict: reviews.csv: no column 'text'; the texts are read from 'review'; --text names another
    predict: labelled.csv: 3 rows (label null: 1 without a text)
    $ cat labelled.csv
    "id","review","label","probability"
    "1","a warm, funny film","positive",0.9410145668653982
    "2","heading nowhere","negative",0.9248992318399916
    "3",,,

A run that is killed leaves no output; the same command goes on where it was.
"""

import argparse
import codecs
import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from strata.base.errors import StrataError
from strata.base.printable import printable
from strata.commands.arguments import parser
from strata.reading.formats import SUFFIXES
from strata.runtime.coloured import coloured
from strata.runtime.explain import explanations
from strata.runtime.not_utf8 import ENOUGH, NOT_UTF8, other_format
from strata.runtime.predictor import FP32, QUANTIZED, Predictor, check_files
from strata.runtime.text_tokens import MOST_CHARACTERS

READ = 1 << 16  # bytes at a time, at most
MOST_BYTES = 4 * MOST_CHARACTERS  # of a line that are kept


def lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the lines that a stream has so far, again and again until it ends. Of a line, MOST_BYTES are kept."""
    line = bytearray()
    while data := stream.read1(READ):
        *ends, rest = data.split(b"\n")
        complete = []
        for end in ends:
            complete.append(bytes(line) + end[: MOST_BYTES - len(line)])
            line.clear()
        line += rest[: MOST_BYTES - len(line)]
        if complete:
            yield complete
    if line:
        yield [bytes(line)]


def decoded(line: bytes) -> str | None:
    """Return a line as text; None where it is not UTF-8. The end of a line that was cut may be half a character."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(line.removesuffix(b"\r"), len(line) < MOST_BYTES)
    except UnicodeDecodeError:
        return None


def answer(predictor: Callable[[list[str]], Iterable[dict]], texts: list[str]) -> None:
    """Print a line of JSON for each text; an explanation in colour where a person looks.

    Characters that a terminal would obey are escaped, as JSON allows.
    """
    for given in predictor(texts):
        if "words" in given and sys.stdout.isatty():
            getattr(sys.stdout, "stream", sys.stdout).write(f"{coloured(given)}\n")  # its colours are not escaped
            continue
        line = json.dumps(given, ensure_ascii=False)
        print(line if line.isprintable() else "".join(map(_escaped, line)))
    sys.stdout.flush()


def _escaped(character: str) -> str:
    return character if printable(character) == character else json.dumps(character)[1:-1]


def answer_lines(predictor: Callable[[list[str]], Iterable[dict]], stream: BinaryIO) -> None:
    """Answer each line of a stream, as soon as it is there. Raises: StrataError at the first that is not UTF-8."""
    count = 0
    for raw in lines(stream):
        if not count and (found := other_format(raw[0])):
            raise StrataError(f"standard input is {found}")
        texts = [decoded(line) for line in raw]
        if not count and texts[0] is not None:
            texts[0] = texts[0].removeprefix("\ufeff")
        good = texts.index(None) if None in texts else len(texts)
        answer(predictor, texts[:good])
        if good < len(texts):
            raise StrataError(f"text {count + good + 1:,} is {NOT_UTF8}")
        count += len(texts)


def check_texts(texts: list[str]) -> None:
    """Raise StrataError when a text is the path of a file: its contents are more likely meant than its name.

    So is a path that was mistyped.
    """
    for text in texts:
        quoted = shlex.quote(text)
        as_text = f"if its name is the text: echo {quoted} | strata predict FOLDER"
        if os.path.isdir(text):  # noqa: PTH112, Path raises on a text that cannot be a path
            raise StrataError(f"{text} is a folder; {as_text}")
        if os.path.isfile(text):  # noqa: PTH113
            with Path(text).open("rb") as content:
                found = other_format(content.read(ENOUGH))
            lines = found or f"a file: strata predict FOLDER < {quoted} labels each of its lines as a text"
            rows = f"strata predict FOLDER {quoted} --out labelled.csv labels its rows"
            raise StrataError(f"{text} is {lines}; {rows}; {as_text}")
        if os.path.exists(text):  # noqa: PTH110
            raise StrataError(f"{text} is a pipe or device: COMMAND | strata predict FOLDER labels each line of it")
        if looks_like_path(text):
            raise StrataError(
                f"{text} looks like the name of a file, and no such file is there; strata predict FOLDER < FILE labels "
                f"each line of a file; {as_text}"
            )


def looks_like_path(text: str) -> bool:
    """Tell whether a text looks like a file's path: no space, and the ending of a data file or a folder before it.

    >>> [looks_like_path(text) for text in ("new.CSV", "./new", "../*.txt.gz", "10/10", "node.js", "see new.csv")]
    [True, True, True, False, False, False]
    """
    if text.split() != [text]:
        return False
    folder = text.rpartition("/")[0]
    is_placed = text.startswith(("/", "./", "../", "~/")) or os.path.isdir(folder)  # noqa: PTH112
    return is_placed or text.lower().endswith(SUFFIXES)


def label_rows(args: argparse.Namespace) -> None:
    """Label the rows of the one file that is named, and write them to --out."""
    if len(args.texts) != 1:
        raise StrataError(f"--out takes the rows of one file, {len(args.texts)} are named: strata predict FOLDER FILE")
    from strata.labelling import side_by_side  # needs the pipeline's packages
    from strata.labelling.label_file import Options, check_paths, label_file

    model = check_files(args.folder, args.model)
    options = Options(model, tuple(args.text or ()), args.all)
    file = check_paths(Path(args.texts[0]), options, args.out)
    predictor = Predictor(args.folder, model, args.threads)
    engine = side_by_side.labelled_blocks
    if args.on:
        if args.threads:
            raise StrataError("--threads is for this machine; on a cluster, each block has one core")
        if importlib.util.find_spec("ray") is None:
            raise StrataError("the package ray is not installed; in Strata's folder: pip install '.[pipeline,ray]'")
        from strata.labelling.on_ray import Cluster

        engine = Cluster(args.address or "auto", args.folder, model).labelled_blocks
    print(f"predict: {label_file(args.folder, predictor, file, options, args.out, engine)}")


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("predict", __doc__)
    arguments.add_argument("folder", type=Path, metavar="FOLDER")
    arguments.add_argument(
        "texts", nargs="*", default=[], metavar="TEXT", help="standard input, a text a line, where none is given, or -"
    )
    arguments.add_argument("--model", metavar="FILE", help=f"in the folder: {QUANTIZED}, unless given, or {FP32}")
    arguments.add_argument("--threads", type=int, metavar="N", help="one a core unless given, which is also the most")
    arguments.add_argument("--out", type=Path, metavar="OUT", help="label the rows of a file: .csv, .jsonl or .parquet")
    arguments.add_argument(
        "--text", action="append", metavar="COLUMN", help="of the file's texts; give it again to join several"
    )
    arguments.add_argument("--all", action="store_true", help="add a column with the probability of each label")
    arguments.add_argument("--on", choices=["ray"], help="label the rows on a Ray cluster, not on this machine")
    arguments.add_argument(
        "--address", help="of the cluster, with --on ray; RAY_ADDRESS or the cluster of this machine unless given"
    )
    arguments.add_argument("--explain", action="store_true", help="tell which words carry each answer")
    args = arguments.parse_intermixed_args(argv)
    if args.address and not args.on:
        raise StrataError("--address names a Ray cluster, and needs --on ray")
    if args.explain and args.out:
        raise StrataError("--explain works on single texts, not on a file's rows; leave out one of --explain and --out")
    if args.out:
        label_rows(args)
        return
    for option in ("text", "all", "on"):
        if getattr(args, option):
            raise StrataError(f"--{option} works on a file's rows, and needs --out")
    texts = [] if args.texts == ["-"] else args.texts
    check_files(args.folder, args.model)
    check_texts(texts)
    if not texts and sys.stdin is None:
        raise StrataError("standard input is closed; give texts, or a file: strata predict FOLDER < FILE")
    predictor = Predictor(args.folder, args.model, args.threads)
    if args.explain:
        predictor = partial(explanations, predictor)
    if texts:
        answer(predictor, texts)
        return
    if sys.stdin.isatty():
        print("predict: type a text a line; Ctrl-D ends", file=sys.stderr)
    answer_lines(predictor, sys.stdin.buffer)
