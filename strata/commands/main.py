"""The command `strata`: finds the subcommand that is named and hands it the rest of the line."""

import importlib
import os
import sys

from strata.base import command_line
from strata.base.errors import StrataError, did_you_mean

COMMANDS = {
    "recipe": "Write a first recipe for a file of labelled text",
    "audit": "Count the texts of one file that are in another, copied or nearly",
    "compare": "Tell whether two runs differ on the test rows that they share",
    "folds": "Put the folds of a cross-validation together: mean, spread and pooled score",
    "predict": "Label texts with a model folder",
    "check": "Measure on this machine whether the int8 model agrees with the fp32 one",
    "publish": "Push the model and its card to the Hugging Face Hub",
    "verify": "Tell whether this run repeats the recorded one",
}
HELP = ("--help", "-h", "help")
QUIET = ("predict", "check")  # commands that run a model's files, which may be broken


def usage() -> str:
    """Return the help of `strata` itself."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {about}" for name, about in COMMANDS.items()]
    return "\n".join(
        ["usage: strata COMMAND ...", "", *lines, "", "strata COMMAND --help shows an example and what it prints."]
    )


def main(argv: list[str] | None = None) -> None:
    """Run `strata`. argv: what follows it on the command line."""
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in QUIET:
        _mute_libraries()
    command_line.run(lambda: subcommand(name, rest), name if name in COMMANDS else "strata")


def _mute_libraries() -> None:
    """Send what libraries in C++ and Rust write to the terminal nowhere; they raise their errors as well."""
    if sys.stderr is None:
        return
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def subcommand(name: str, argv: list[str]) -> None:
    """Run one command. Raises: StrataError when there is none of this name, or a package that it needs is missing."""
    if name in HELP:
        print(usage())
        return
    if sys.stdout is None:
        raise StrataError("standard output is closed, so that no answer can be given")
    if name not in COMMANDS:
        raise StrataError(f"no command {name!r}{did_you_mean(name, list(COMMANDS))}")
    try:
        importlib.import_module(f"strata.commands.{name}").main(argv)
        sys.stdout.flush()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "strata"):
            raise
        raise StrataError(
            f"the package {missing} is not installed; in Strata's folder: pip install '.[pipeline]'"
        ) from None
    except BrokenPipeError:  # the reader, such as head, has closed the pipe: drop the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
