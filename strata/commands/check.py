"""Measure on this machine how far a quantized model agrees with its fp32 one, and refuse what quantize would refuse.

    strata check models/quantize texts.txt                    # from the root; a text a line
    strata check models/quantize data/split/test.parquet      # or any file that ingest reads, with requirements.txt
    strata check models/quantize texts.csv --text review

int8 products are rounded otherwise by other CPUs, and overflow on some without VNNI: so let the machine that serves a
model check it, on texts like those it will see. They need no labels.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

from strata import cpu
from strata.base import files
from strata.base.errors import StrataError
from strata.runtime.closeness import closeness, exceeds, least_agreement
from strata.runtime.predictor import FP32, QUANTIZED, Predictor

FEWEST = 20  # texts


def read(path: Path, column: str) -> Iterator[str]:
    """Yield the texts of a file. Raises: StrataError when it is missing, or has no such column."""
    if not path.is_file():
        raise StrataError(f"{path}: no such file; name a file of texts")
    if path.suffix == ".txt":  # with what requirements-serve.txt brings
        with path.open(encoding="utf-8", errors="surrogateescape") as lines:
            yield from (line.rstrip("\n") for line in lines)
        return
    try:
        from strata.commands.audit import texts
        from strata.rejects import Rejects
    except ImportError as error:
        raise StrataError(f"{path}: needs requirements.txt ({error}); or give a .txt, a text a line") from None

    yield from itertools.chain.from_iterable(texts(path, column, Rejects()))


def compare(folder: Path, given: list[str]) -> dict[str, float]:
    """Return how close the folder's two models are on these texts, as `closeness` says it."""
    predictors = [Predictor(folder, model) for model in (FP32, QUANTIZED)]
    found = [predictor.probabilities(given) for predictor in predictors]
    return closeness(*found, predictors[0].positive, predictors[0].threshold)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--text", default="text", help="the column of texts, text unless given")
    parser.add_argument("--rows", type=int, default=1000, help="how many texts from the start of the file")
    args = parser.parse_args(argv)
    if args.rows < FEWEST:
        raise StrataError(f"--rows is {args.rows}, must be {FEWEST} or more")
    recorded = files.read_json(args.folder / "quantization.json")
    given = list(itertools.islice((text for text in read(args.file, args.text) if text.strip()), args.rows))
    if len(given) < FEWEST:
        raise StrataError(f"{args.file}: {len(given)} texts in it, too few to tell; give {FEWEST} or more")
    found, before, limits = compare(args.folder, given), recorded["validation"], recorded["limits"]
    print(f"check: {recorded['candidate']}, {len(given):,} texts of {args.file}")
    here = cpu.flags()
    print(f"check: recorded on a CPU with {', '.join(recorded['cpu'])}; this one has {', '.join(here)}")
    print(f"check: agreement {found['agreement']:.1%} (recorded {before['agreement']:.1%})")
    print(f"check: drift {found['drift']:.4f} (recorded {before['drift']:.4f})")
    least = least_agreement(limits["min_agreement"], len(given))
    if exceeds(least, found["agreement"]) or found["drift"] > limits["max_drift"]:
        raise StrataError(
            f"int8 and fp32 are further apart than allowed (agreement {limits['min_agreement']:g}, drift "
            f"{limits['max_drift']:g}); on a CPU without VNNI, quantize with quantize.candidates: [reduce_range], or "
            f"serve {FP32}"
        )
