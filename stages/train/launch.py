"""Start several processes that train one model together."""

import os
import sys

from strata.base.cores import cores
from strata.settings.params import Train

STARTED_BY = "STRATA_STARTED_BY"  # environment variable: id of the process that started the launcher


def is_launched() -> bool:
    """Whether this process was started by `launch`."""
    return STARTED_BY in os.environ


def launch(settings: Train, argv: list[str]) -> bool:
    """Run this stage in every process of this node, as torchrun does, and return whether all succeeded.

    With several nodes, the environment variables NODE_RANK, MASTER_ADDR and MASTER_PORT give the rank of this one and
    the address of the first one.
    """
    # these imports take seconds, and a run in one process does not need them
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ[STARTED_BY] = str(os.getppid())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // settings.processes)))
    address = f"{os.environ.get('MASTER_ADDR', '127.0.0.1')}:{os.environ.get('MASTER_PORT', '29500')}"
    config = LaunchConfig(
        min_nodes=settings.nodes,
        max_nodes=settings.nodes,
        nproc_per_node=settings.processes,
        run_id="strata",
        max_restarts=0,  # the next run resumes from the saved state
        **(
            {"rdzv_backend": "c10d", "rdzv_endpoint": "127.0.0.1:0"}
            if settings.nodes == 1
            else {
                "rdzv_backend": "static",
                "rdzv_endpoint": address,
                "rdzv_configs": {"rank": int(os.environ.get("NODE_RANK", "0")), "timeout": 900},  # seconds
            }
        ),
    )
    try:
        elastic_launch(config, sys.executable)("-m", "stages.train", *argv)
    except ChildFailedError:  # that process has printed its error
        return False
    return True
