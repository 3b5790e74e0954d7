"""Run one DVC experiment up to the stage train, in the folder where this is started; ends when its parent does.

    python -m strata.sweeping.experiment NAME

A search starts it in a workspace of its own. TARGET is all that a search runs: later stages score test rows.
"""

import sys

from strata.base import parent

TARGET = "train"


def main() -> None:
    parent.end_with_parent()
    from dvc.cli import main as dvc  # takes a second

    sys.exit(dvc(["exp", "run", "--name", sys.argv[1], TARGET]))


if __name__ == "__main__":
    main()
