"""A recipe and its data handed to DVC and Git, so that a commit has both, and experiments in clones find them.

`dvc exp run --queue` and `--temp` work in a clone, which has the files that Git tracks and what DVC checks out for them
(treeverse/dvc#10744). A `dvc exp run` in the workspace leaves new files out of Git's index, so staging is not enough.
"""

import subprocess
import sys
from pathlib import Path

from strata.base.errors import StrataError


def track(project: Path, name: str) -> list[str]:
    """Add data/raw/NAME to DVC and stage the recipe; return the paths that are staged.

    Raises: StrataError with DVC's or Git's own words when one of them cannot.
    """
    data = f"data/raw/{name}"
    staged = [f"recipes/{name}.yaml", f"{data}.dvc", "data/raw/.gitignore"]
    _run(project, sys.executable, "-m", "dvc", "add", data)
    _run(project, "git", "add", "--", *staged)
    return staged


def _run(project: Path, *argv: str) -> None:
    try:
        result = subprocess.run(argv, cwd=project, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StrataError(f"{argv[0]} is not installed") from None
    if result.returncode:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
        raise StrataError(lines[0] if lines else f"{argv[0]} ended with {result.returncode}")
