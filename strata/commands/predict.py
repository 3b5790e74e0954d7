"""Label texts with a model folder: what quantize wrote, or what was published.

    $ strata predict models/quantize "a warm, funny film" "heading nowhere"
    {"label": "positive", "probability": 0.9514288114358818}
    {"label": "negative", "probability": 0.9047615720294048}

One line of JSON for each text; without a text, standard input is read, a text a line, and each line is answered as soon
as it is there. Starts in half a second: neither torch nor transformers is imported. A text is cut to as many tokens as
when the model was scored.
"""

import codecs
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from strata.base.errors import StrataError
from strata.base.printable import printable
from strata.commands.arguments import parser
from strata.runtime.predictor import FP32, QUANTIZED, Predictor
from strata.runtime.text_tokens import MOST_CHARACTERS

READ = 1 << 16  # bytes at a time, at most
MOST_BYTES = 4 * MOST_CHARACTERS  # of a line that are kept
NOT_UTF8 = "is not UTF-8; convert it: iconv -f latin1 -t utf8"


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


def answer(predictor: Predictor, texts: list[str]) -> None:
    """Print a line of JSON for each text. Characters that a terminal would obey are escaped, as JSON allows."""
    for given in predictor(texts):
        line = json.dumps(given, ensure_ascii=False)
        print(line if line.isprintable() else "".join(map(_escaped, line)))
    sys.stdout.flush()


def _escaped(character: str) -> str:
    return character if printable(character) == character else json.dumps(character)[1:-1]


def answer_lines(predictor: Predictor, stream: BinaryIO) -> None:
    """Answer each line of a stream, as soon as it is there. Raises: StrataError at the first that is not UTF-8."""
    count = 0
    for raw in lines(stream):
        texts = [decoded(line) for line in raw]
        if not count and texts[0] is not None:
            texts[0] = texts[0].removeprefix("\ufeff")
        good = texts.index(None) if None in texts else len(texts)
        answer(predictor, texts[:good])
        if good < len(texts):
            raise StrataError(f"text {count + good + 1:,} {NOT_UTF8}")
        count += len(texts)


def check_texts(texts: list[str]) -> None:
    """Raise StrataError when a text is the path of a file: its contents are more likely meant than its name."""
    for text in texts:
        if os.path.isdir(text):  # noqa: PTH112, Path raises on a text that cannot be a path
            raise StrataError(f"{text} is a folder; if its name is the text: echo {text} | strata predict FOLDER")
        if os.path.exists(text):  # noqa: PTH110
            raise StrataError(
                f"{text} is a file: strata predict FOLDER < {text} labels its lines; if its name is the text: echo "
                f"{text} | strata predict FOLDER"
            )


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("predict", __doc__)
    arguments.add_argument("folder", type=Path, metavar="FOLDER")
    arguments.add_argument(
        "texts", nargs="*", metavar="TEXT", help="standard input, a text a line, where none is given"
    )
    arguments.add_argument(
        "--model", default=QUANTIZED, metavar="FILE", help=f"in the folder: {QUANTIZED}, unless given, or {FP32}"
    )
    arguments.add_argument("--threads", type=int, metavar="N", help="one a core unless given, which is also the most")
    args = arguments.parse_intermixed_args(argv)
    check_texts(args.texts)
    if not args.texts and sys.stdin is None:
        raise StrataError("standard input is closed; give texts, or a file: strata predict FOLDER < FILE")
    predictor = Predictor(args.folder, args.model, args.threads)
    if args.texts:
        answer(predictor, args.texts)
        return
    if sys.stdin.isatty():
        print("predict: type a text a line; Ctrl-D ends", file=sys.stderr)
    answer_lines(predictor, sys.stdin.buffer)
