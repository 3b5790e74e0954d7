"""Label texts with a folder that quantize wrote, or that was published.

    strata predict models/quantize "a warm, funny film"     # a line of JSON a text
    strata predict models/quantize < texts.txt              # a text a line

Starts in half a second: neither torch nor transformers is imported. A text is cut to as many tokens as when the model
was scored.
"""

import argparse
import json
import sys
from pathlib import Path

from strata.runtime.predictor import FP32, QUANTIZED, Predictor


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="standard input, a text a line, where none is given")
    parser.add_argument("--model", default=QUANTIZED, help=f"the ONNX file in the folder: {QUANTIZED} or {FP32}")
    parser.add_argument("--threads", type=int, help="one a core unless given")
    args = parser.parse_intermixed_args(argv)
    predictor = Predictor(args.folder, args.model, args.threads)
    if not args.texts and hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # told by its line, not by its byte
    texts = args.texts or [line.rstrip("\n") for line in sys.stdin]
    for said in predictor(texts):
        print(json.dumps(said, ensure_ascii=False))
