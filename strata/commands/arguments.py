"""What the commands' parsers share: the help that shows an example, and the project that a command works on."""

import argparse
from pathlib import Path
from typing import NoReturn

from strata.base.errors import StrataError

MARKS = ("dvc.yaml", "params.yaml")
"""The files that make a folder a project."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors of a command are."""

    def error(self, message: str) -> NoReturn:
        """Raise StrataError; argparse prints the usage first, and exits with a code of its own."""
        raise StrataError(f"{message}; see {self.prog} --help")


def parser(command: str, about: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is `about`, as it is written: a module's docstring, with an example and its output."""
    return Parser(prog=f"strata {command}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_project(parsed: argparse.ArgumentParser) -> None:
    """Add --project, the folder of a project, this one unless given."""
    parsed.add_argument(
        "--project",
        type=project,
        default=".",
        metavar="FOLDER",
        help="the project's folder, where dvc.yaml is; this folder unless given",
    )


def project(folder: str) -> Path:
    """Return the folder of a project. Raises: StrataError when it is none."""
    if missing := _missing(Path(folder)):
        around = next((path for path in Path(folder).resolve().parents if not _missing(path)), None)
        raise StrataError(
            f"{Path(folder).resolve()}: not a Strata project ({' and '.join(missing)} missing); run this in "
            f"a project's folder, {f'such as {around}, ' if around else ''}or name one with --project"
        )
    return Path(folder)


def _missing(folder: Path) -> list[str]:
    return [name for name in MARKS if not (folder / name).is_file()]
