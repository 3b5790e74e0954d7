"""Start several processes that train one model together."""

import os
import sys

from strata.base.cores import cores
from strata.base.errors import StrataError
from strata.settings.params import Train

STARTED_BY = "STRATA_STARTED_BY"  # environment variable: id of the process that started the launcher


def is_launched() -> bool:
    """Whether this process was started by `launch`."""
    return STARTED_BY in os.environ


def rendezvous(nodes: int) -> dict:
    """Return how the processes find each other, as LaunchConfig takes it.

    Raises: StrataError when there are several nodes and an environment variable is missing.
    """
    if nodes == 1:
        return {"rdzv_backend": "c10d", "rdzv_endpoint": "127.0.0.1:0"}
    names = ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
    if missing := [name for name in names if not os.environ.get(name)]:
        raise StrataError(
            f"train.nodes is {nodes}, but {', '.join(missing)} is not set in the environment; set NODE_RANK to this "
            "machine's number, from 0, and MASTER_ADDR and MASTER_PORT to the first machine's"
        )
    rank, host, port = (os.environ[name] for name in names)
    if not rank.isdecimal() or int(rank) >= nodes:
        raise StrataError(f"NODE_RANK is {rank}, must be a number from 0 to {nodes - 1}, as train.nodes is {nodes}")
    return {
        "rdzv_backend": "static",
        "rdzv_endpoint": f"{host}:{port}",
        "rdzv_configs": {"rank": int(rank), "timeout": 900},  # seconds
    }


def launch(settings: Train, argv: list[str]) -> bool:
    """Run this stage in every process of this node, as torchrun does, and return whether all succeeded.

    With several nodes, the environment variables NODE_RANK, MASTER_ADDR and MASTER_PORT give the rank of this one and
    the address of the first one.
    Raises: StrataError when there are GPUs, but fewer than processes.
    """
    # these imports take seconds, and a run in one process does not need them
    import torch
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    gpus = torch.cuda.device_count()
    if 0 < gpus < settings.processes:
        raise StrataError(
            f"train.processes is {settings.processes}, more than the GPUs of this machine ({gpus}), and each process "
            f"needs one of its own; set it to at most {gpus}"
        )
    os.environ[STARTED_BY] = str(os.getppid())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // settings.processes)))
    config = LaunchConfig(
        min_nodes=settings.nodes,
        max_nodes=settings.nodes,
        nproc_per_node=settings.processes,
        run_id="strata",
        max_restarts=0,  # the next run resumes from the saved state
        **rendezvous(settings.nodes),
    )
    try:
        elastic_launch(config, sys.executable)("-m", "stages.train", *argv)
    except ChildFailedError:  # that process has printed its error
        return False
    return True
