"""python -m strata: the command `strata`."""

from strata.commands.main import main

if __name__ == "__main__":
    main()
