"""The Ray cluster that a command runs on."""

from pathlib import Path

import ray

import strata
from strata.base.errors import StrataError


def connect(address: str) -> None:
    """Connect to a cluster, whose nodes get this code. Raises: StrataError when there is none."""
    runtime = {"py_modules": [str(Path(strata.__file__).parent)], "excludes": ["__pycache__"]}
    try:
        ray.init(address, runtime_env=runtime, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        where = "on this machine, nor an address of one in RAY_ADDRESS" if address == "auto" else f"at {address}"
        reason = str(error).strip().splitlines()[0]
        raise StrataError(f"there is no Ray cluster {where} ({reason}); start one: ray start --head") from None
