"""The command line that every stage shares: paths in, one-line errors out."""

import argparse
import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path


class StageError(Exception):
    """Something the user can mend: says what was found, what is allowed and what to do, in one line."""


def did_you_mean(word: str, allowed: list[str], prefix: str = "") -> str:
    """Return '; did you mean X? Allowed: X, Y', with the nearest name however far it is.

    >>> did_you_mean("lrr", ["lr", "epochs"], "train.")
    '; did you mean train.lr? Allowed: lr, epochs'
    """
    if not allowed:
        return ""
    nearest = difflib.get_close_matches(word, allowed, n=1, cutoff=0)[0]
    return f"; did you mean {prefix}{nearest}? Allowed: {', '.join(allowed)}"


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


def run(main: Callable[[], None], stage: str) -> None:
    """Run a stage's main; an error becomes one line on stderr and exit code 1.

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
        if not isinstance(error, StageError):
            words = f"{type(error).__name__}: {words} (STRATA_TRACEBACK=1 shows where)"
        print(f"{stage}: {words}", file=sys.stderr)
        sys.exit(1)
