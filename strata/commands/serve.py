"""Serve model folders over HTTP: what quantize wrote, or what was published.

    $ strata serve models/quantize
    serve: quantize, version 796928a865a1: negative, positive
    serve: http://127.0.0.1:8000, 2 threads; Ctrl-C ends

    $ curl -s http://127.0.0.1:8000/predict -H "Content-Type: application/json" -d '{"texts": "a warm, funny film"}'
    {"answers":[{"label":"positive","probability":0.9410145668653982}],"model":"quantize","version":"796928a865a1"}

/openapi.json lists what can be asked. Several folders are served at /models/NAME/predict, the first one at /predict as
well. A folder that changes is loaded again without losing a request; a broken one is refused, and the old model stays.
"""

import argparse
import os
import re
from pathlib import Path

from strata.base.cores import cores
from strata.base.errors import StrataError
from strata.commands.arguments import parser
from strata.runtime.predictor import FP32, QUANTIZED
from strata.serving.access import VARIABLE, api_key
from strata.serving.limits import Limits

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def folders(given: list[str]) -> dict[str, Path]:
    """Return the folders by the names of their models. given: FOLDER or NAME=FOLDER each. Raises: StrataError."""
    named: dict[str, Path] = {}
    for words in given:
        name, equals, path = words.partition("=")
        folder = Path(path) if equals and not Path(words).is_dir() else Path(words)
        name = name if str(folder) != str(Path(words)) else folder.resolve().name
        if not NAME.fullmatch(name):
            raise StrataError(f"{words}: a model's name has letters, digits and ._- alone; give one: NAME=FOLDER")
        if name in named:
            raise StrataError(f"{words}: another model is named {name}; give one of them another name: NAME=FOLDER")
        named[name] = folder
    return named


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """Return the arguments. Raises: StrataError where one is out of range."""
    arguments = parser("serve", __doc__)
    arguments.add_argument("folders", nargs="+", metavar="FOLDER", help="of a model, or NAME=FOLDER")
    arguments.add_argument("--host", default="127.0.0.1", help="this machine alone, unless given; 0.0.0.0 for all")
    arguments.add_argument("--port", type=int, default=8000, metavar="N", help="8000 unless given; 0 for a free one")
    arguments.add_argument(
        "--threads", type=int, default=cores(), metavar="N", help="texts at a time; one a core unless given, at most"
    )
    arguments.add_argument(
        "--queue",
        type=int,
        default=Limits().queue,
        metavar="N",
        help=f"requests that wait, at most; further ones get 503; {Limits().queue} unless given",
    )
    arguments.add_argument(
        "--key-file", type=Path, metavar="FILE", help=f"with the key that clients have to send; or in {VARIABLE}"
    )
    arguments.add_argument("--model", metavar="FILE", help=f"in each folder: {QUANTIZED}, unless given, or {FP32}")
    args = arguments.parse_args(argv)
    for name, least, most in (("threads", 1, None), ("queue", 1, None), ("port", 0, 65535)):
        value = getattr(args, name)
        if value < least or (most is not None and value > most):
            raise StrataError(f"--{name} is {value}, must be {least} or more{f', at most {most:,}' if most else ''}")
    return args


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    args = parsed(argv)
    named, key = folders(args.folders), api_key(args.key_file)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the threads are those of the queue
    from strata.serving.run import serve

    limits = Limits()._replace(queue=args.queue)
    serve(named, args.model, args.host, args.port, args.threads, limits, key)
