"""The command line of every stage and command: paths in, one-line errors out."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from strata.base import leftovers, parent
from strata.base.errors import StrataError
from strata.base.printable import PrintableStream, printable
from strata.base.storage import storage_error

ENVIRONMENT = {
    # libraries report on every model they load; a stage prints its own lines
    "TRANSFORMERS_VERBOSITY": "error",
    # PyTorch's threads busy-wait for each other, on shared cores even for a thread that has no core. They spin this
    # often, for a few microseconds, and then sleep (docs/lab-notes.md)
    "GOMP_SPINCOUNT": "1000",
    # how many compiled primitives, such as a matrix product for one shape, oneDNN caches; the default is 1,024.
    # Batches of long texts rarely have the same shape, and so many primitives take gigabytes (docs/lab-notes.md)
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
}
"""What a stage sets before it imports its libraries, unless the user has set it."""
INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended, as shells have it


def arguments(description: str, argv: list[str] | None, *paths: str) -> argparse.Namespace:
    """Parse the two files that every stage checks and the named paths, all of them required.

    Removes what killed stages of the same project left half-written.

    >>> arguments("split", ["--params", "p", "--recipes", "r", "--out", "o"], "--out").out
    PosixPath('o')
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    for name in ("--params", "--recipes", *paths):
        parser.add_argument(name, type=Path, required=True, metavar="PATH")
    parsed = parser.parse_args(argv)
    leftovers.remove(parsed.params.parent)
    return parsed


def run(main: Callable[[], None], name: str) -> None:
    """Run the main of a stage or command; an error becomes one line on stderr and exit code 1.

    STRATA_TRACEBACK=1 shows the traceback instead. A stage that DVC started ends when DVC ends.
    """
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    os.environ["RUST_BACKTRACE"] = "0"
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    if "DVC_STAGE" in os.environ:
        parent.end_with_parent()
    stdout = sys.stdout
    try:
        with contextlib.redirect_stdout(stdout and PrintableStream(stdout)):
            main()
        if stdout is not None:
            stdout.flush()
    except KeyboardInterrupt:
        _end(INTERRUPTED)
    except Exception as error:
        if os.environ.get("STRATA_TRACEBACK") == "1":
            raise
        _report(error, name)
        _end(1)


def _report(error: Exception, name: str) -> None:
    if not isinstance(error, StrataError):
        error = storage_error(error) or error
    words = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, StrataError):
        words = f"{type(error).__name__}: {words} (STRATA_TRACEBACK=1 shows where)"
    with contextlib.suppress(OSError, AttributeError):  # stderr may be closed
        print(f"{name}: {printable(words)}", file=sys.stderr, flush=True)


def _end(code: int) -> None:
    """Exit; what could not be printed before goes nowhere, so that Python does not complain of it at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
