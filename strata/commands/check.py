"""Measure on this machine whether the int8 model agrees with the fp32 one, and refuse what quantize would refuse.

    $ strata check models/quantize texts.txt
    check: per_channel, 200 texts of texts.txt
    check: recorded on a CPU with avx2, avx512f, avx512bw, avx512_vnni; this one has avx2, avx512f,
        avx512bw, avx512_vnni
    check: agreement 99.5% (recorded 98.2%)
    check: drift 0.0163 (recorded 0.0134)

CPUs round int8 products differently, and some without VNNI let them overflow. So check a model on the machine that
serves it, with texts like those it will see; they need no labels. A .txt file has one text per line, unless --text
names its column; other formats, such as .csv with --text COLUMN or FILE#SHEET, need the pipeline's packages.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

from strata import cpu
from strata.base import files
from strata.base.errors import StrataError
from strata.commands.arguments import parser
from strata.model_kinds import TFIDF
from strata.reading.parts import named_part
from strata.reading.texts import lines, texts
from strata.runtime import manifest
from strata.runtime.closeness import closeness, exceeds, least_agreement
from strata.runtime.model_config import read_kind
from strata.runtime.not_utf8 import ENOUGH, NOT_UTF8, is_utf8, other_format
from strata.runtime.predictor import CONFIG, FP32, QUANTIZED, Predictor, check_files

FEWEST = 20  # texts
RECORDED = "quantization.json"  # in the folder: what quantize measured


def file_and_part(given: Path) -> tuple[Path, str | None]:
    """Return a file, and which of its tables is meant, such as a sheet. Raises: StrataError when it is missing."""
    named = named_part(given)
    if named is None:
        found = "is a folder, not a file" if given.is_dir() else "not a file" if given.exists() else "no such file"
        raise StrataError(f"{given}: {found}; name a file of texts: strata check FOLDER FILE")
    return named


def text_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file without its byte-order mark. Raises: StrataError where it is not UTF-8."""
    with path.open("rb") as content:
        if found := other_format(content.read(ENOUGH)):
            raise StrataError(f"{path}: is {found}")
    for number, line in enumerate(lines(path), 1):
        if not is_utf8(line):
            raise StrataError(f"{path}, line {number:,}: {NOT_UTF8}")
        yield line.removeprefix("\ufeff") if number == 1 else line


def chosen_texts(given: Path, column: str | None, rows: int) -> list[str]:
    """Return the first texts of a file that are not empty. Raises: StrataError when there are too few.

    column: of the texts; None: a .txt file has a text a line, and in others the column is called text.
    """
    path, part = file_and_part(given)
    is_text = path.suffix.lower() == ".txt"
    is_lines = is_text and part is None and column is None
    every = text_lines(path) if is_lines else itertools.chain.from_iterable(texts(given, column or "text"))
    try:
        chosen = list(itertools.islice((text for text in every if text.strip()), rows))
    except StrataError as error:
        advice = "; without --text, each of its lines is a text" if is_text and column else ""
        raise StrataError(f"{error}{advice}") from None
    if len(chosen) < FEWEST:
        raise StrataError(f"{given}: {len(chosen)} texts in it; at least {FEWEST} are needed")
    return chosen


def measured(folder: Path, chosen: list[str]) -> dict[str, float]:
    """Return the closeness of a folder's two models on these texts."""
    predictors = [Predictor(folder, model) for model in (FP32, QUANTIZED)]
    probabilities = [predictor.probabilities(chosen) for predictor in predictors]
    return closeness(*probabilities, predictors[0].positive, predictors[0].threshold)


def instructions() -> str:
    """Return a phrase that lists the instructions that matter and this CPU has."""
    try:
        return f"this one has {', '.join(cpu.flags()) or 'none of them'}"
    except ModuleNotFoundError:
        return "this CPU's instructions are unknown; pip install py-cpuinfo"


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    arguments = parser("check", __doc__)
    arguments.add_argument("folder", type=Path, metavar="FOLDER")
    arguments.add_argument("file", type=Path, metavar="FILE", help="of texts, or FILE#SHEET")
    arguments.add_argument(
        "--text", metavar="COLUMN", help="of the texts; unless given, text, and of a .txt file its whole lines"
    )
    arguments.add_argument(
        "--rows", type=int, default=1000, metavar="N", help="texts from the start of the file; 1,000 unless given"
    )
    args = arguments.parse_args(argv)
    if args.rows < FEWEST:
        raise StrataError(f"--rows is {args.rows}, must be {FEWEST} or more")
    if args.file.is_dir() and args.folder.is_file():
        raise StrataError(f"the model's folder comes first: strata check {args.file} {args.folder}")
    check_files(args.folder, None)
    if read_kind(args.folder / CONFIG) == TFIDF:
        raise StrataError(f"{args.folder}: TF-IDF has no int8 model, which could differ from fp32 on this machine")
    check_files(args.folder, QUANTIZED)
    manifest.check(args.folder, [RECORDED])
    recorded = files.read_json(args.folder / RECORDED)
    chosen = chosen_texts(args.file, args.text, args.rows)
    here, before, limits = measured(args.folder, chosen), recorded["validation"], recorded["limits"]
    print(f"check: {recorded['candidate']}, {len(chosen):,} texts of {args.file}")
    print(f"check: recorded on a CPU with {', '.join(recorded['cpu'])}; {instructions()}")
    print(f"check: agreement {here['agreement']:.1%} (recorded {before['agreement']:.1%})")
    print(f"check: drift {here['drift']:.4f} (recorded {before['drift']:.4f})")
    least = least_agreement(limits["min_agreement"], len(chosen))
    if exceeds(least, here["agreement"]) or here["drift"] > limits["max_drift"]:
        raise StrataError(
            f"int8 and fp32 are further apart than allowed (agreement {limits['min_agreement']:g}, drift "
            f"{limits['max_drift']:g}); on a CPU without VNNI, quantize with quantize.candidates: [reduce_range], or "
            f"serve {FP32}"
        )
