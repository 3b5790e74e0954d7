"""The command `strata`: finds the subcommand that is named and hands it the rest of the line."""

import ast
import importlib
import os
import sys
from importlib import metadata
from pathlib import Path

from strata.base import command_line
from strata.base.errors import StrataError, did_you_mean

COMMANDS = {
    "recipe": "Write a first recipe for a file of labelled text",
    "audit": "Count the texts of one file that are in another, copied or nearly",
    "sweep": "Search for the best settings, by the scores of validation rows",
    "compare": "Tell whether two runs differ on the test rows that they share",
    "folds": "Put the folds of a cross-validation together: mean, spread and pooled score",
    "predict": "Label texts with a model folder",
    "serve": "Serve model folders over HTTP",
    "check": "Measure on this machine whether the int8 model agrees with the fp32 one",
    "publish": "Push the model and its card to the Hugging Face Hub",
    "verify": "Tell whether this run repeats the recorded one",
}
BASE = ("numpy", "onnxruntime", "tokenizers", "regex", "selectolax")  # what the package itself brings
HELP = ("--help", "-h", "help")
VERSION = ("--version", "-V")
QUIET = ("predict", "check", "serve")  # commands that run a model's files, which may be broken


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
    if sys.stdout is None:
        raise StrataError("standard output is closed, so that no answer can be given")
    try:
        if name in HELP and argv and argv[0] in COMMANDS:
            run(argv[0], ["--help"])
        elif name in HELP:
            print(usage())
        elif name in VERSION:
            print(f"strata {version()}")
        elif name in COMMANDS:
            run(name, argv)
        else:
            raise StrataError(f"no command {name!r}{did_you_mean(name, list(COMMANDS))}")
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has closed the pipe: drop the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(name: str, argv: list[str]) -> None:
    """Run one of COMMANDS; without the packages that it needs, its help alone. Raises: StrataError."""
    try:
        importlib.import_module(f"strata.commands.{name}").main(argv)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "strata"):
            raise
        remedy = f"the package {missing} is not installed; in Strata's folder: {_installation(missing, name)}"
        if not {"--help", "-h"} & set(argv):
            raise StrataError(remedy) from None
        source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        print(f"usage: strata {name} ...\n\n{ast.get_docstring(ast.parse(source))}\n\nIt cannot run here: {remedy}")


def _installation(package: str, name: str) -> str:
    """Return the command that brings a package which a command lacks."""
    if name == "serve":
        return "pip install '.[serve]'"
    return "pip install ." if name in QUIET and package in BASE else "pip install '.[pipeline]'"


def version() -> str:
    """Return the version that is installed."""
    try:
        return metadata.version("strata")
    except metadata.PackageNotFoundError:
        return "of a folder that is not installed"
