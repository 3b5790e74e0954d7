"""Whether a launcher started this process, together with others that train the same model."""

import os

STARTED_BY = "STRATA_STARTED_BY"  # environment variable: id of the process that started the launcher


def is_launched() -> bool:
    """Return whether `launch` started this process."""
    return STARTED_BY in os.environ
