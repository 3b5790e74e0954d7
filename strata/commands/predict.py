"""Label texts with a model folder: what quantize wrote, or what was published.

    $ strata predict models/quantize "a warm, funny film" "heading nowhere"
    {"label": "positive", "probability": 0.9514288114358818}
    {"label": "negative", "probability": 0.9047615720294048}

One line of JSON for each text; without a text, standard input is read, a text a line. Starts in half a second: neither
torch nor transformers is imported. A text is cut to as many tokens as when the model was scored.
"""

import json
import sys
from pathlib import Path

from strata.commands.arguments import parser
from strata.runtime.predictor import FP32, QUANTIZED, Predictor


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
    arguments.add_argument("--threads", type=int, metavar="N", help="one a core unless given")
    args = arguments.parse_intermixed_args(argv)
    predictor = Predictor(args.folder, args.model, args.threads)
    if not args.texts and hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # told by its line, not by its byte
    texts = args.texts or [line.rstrip("\n") for line in sys.stdin]
    for answer in predictor(texts):
        print(json.dumps(answer, ensure_ascii=False))
