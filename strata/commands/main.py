"""The command `strata`: finds the subcommand that is named and hands it the rest of the line."""

import importlib
import sys

from strata.base import command_line
from strata.base.errors import StrataError, did_you_mean

COMMANDS = {
    "recipe": "Write a first recipe for a file of labelled text",
    "audit": "Find the texts of one file that are in another, copied or nearly",
    "compare": "Tell whether two runs differ on the test rows that they share",
    "predict": "Label texts with a model folder",
    "check": "Measure on this machine whether the int8 model agrees with the fp32 one",
    "publish": "Push the model and its card to the Hugging Face Hub",
}
PIPELINE = "{name}: needs the packages of the pipeline ({error}); in Strata's folder: pip install '.[pipeline]'"


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {about}" for name, about in COMMANDS.items()]
    return "\n".join(["usage: strata COMMAND ...", "", *lines, "", "strata COMMAND --help shows an example of each."])


def main(argv: list[str] | None = None) -> None:
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("--help", "-h"):
        print(usage())
        return
    if name not in COMMANDS:
        command_line.run(lambda: _unknown(name), "strata")
    try:
        module = importlib.import_module(f"strata.commands.{name}")
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] == "strata":
            raise
        print(PIPELINE.format(name=name, error=error), file=sys.stderr)
        sys.exit(1)
    command_line.run(lambda: module.main(rest), name)


def _unknown(name: str) -> None:
    raise StrataError(f"no command {name}{did_you_mean(name, list(COMMANDS))}")
