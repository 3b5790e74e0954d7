"""The command line of every stage and command: paths in, one-line errors out."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from strata.base.errors import StrataError


def arguments(description: str, argv: list[str] | None, *paths: str) -> argparse.Namespace:
    """Parse the two files that every stage checks and the named paths, all of them required.

    >>> arguments("split", ["--params", "p", "--recipes", "r", "--out", "o"], "--out").out
    PosixPath('o')
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    for name in ("--params", "--recipes", *paths):
        parser.add_argument(name, type=Path, required=True, metavar="PATH")
    return parser.parse_args(argv)


def run(main: Callable[[], None], name: str) -> None:
    """Run the main of a stage or command; an error becomes one line on stderr and exit code 1.

    STRATA_TRACEBACK=1 shows the traceback instead.
    """
    # libraries report on every model they load; a stage prints its own lines, and bars only where somebody watches
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    try:
        main()
    except Exception as error:
        if os.environ.get("STRATA_TRACEBACK") == "1":
            raise
        words = " ".join(str(error).split()) or type(error).__name__
        if not isinstance(error, StrataError):
            words = f"{type(error).__name__}: {words} (STRATA_TRACEBACK=1 shows where)"
        print(f"{name}: {words}", file=sys.stderr)
        sys.exit(1)
