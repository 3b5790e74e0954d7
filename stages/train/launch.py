"""Start several processes that train one model together, with torchrun."""

import os

from strata.base.cores import cores
from strata.base.errors import StrataError
from strata.settings.params import Train
from strata.training.launched import STARTED_BY


def rendezvous(nodes: int) -> list[str]:
    """Return the torchrun options by which processes find each other.

    Raises: StrataError when there are several nodes and an environment variable is missing.
    """
    if nodes == 1:
        return ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0"]
    names = ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
    if missing := [name for name in names if not os.environ.get(name)]:
        raise StrataError(
            f"train.nodes is {nodes}, but {', '.join(missing)} is not set in the environment; set NODE_RANK to this "
            "machine's number, from 0, and MASTER_ADDR and MASTER_PORT to the first machine's"
        )
    rank, host, port = (os.environ[name] for name in names)
    if not rank.isdecimal() or int(rank) >= nodes:
        raise StrataError(f"NODE_RANK is {rank}, must be a number from 0 to {nodes - 1}, as train.nodes is {nodes}")
    return [f"--nnodes={nodes}", f"--node-rank={rank}", f"--master-addr={host}", f"--master-port={port}"]


def launch(settings: Train, argv: list[str]) -> bool:
    """Run the train stage in all processes of this node with torchrun, and return whether all succeeded.

    With several nodes, the environment variables NODE_RANK, MASTER_ADDR and MASTER_PORT give the rank of this one and
    the address of the first one. If one process fails, all end; the next run resumes from the saved state.
    Raises: StrataError when there are GPUs, but fewer than processes, and as `rendezvous`.
    """
    # these imports take seconds, and a run in one process does not need them
    import torch
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    gpus = torch.cuda.device_count()
    if 0 < gpus < settings.processes:
        raise StrataError(
            f"train.processes is {settings.processes}, more than the GPUs of this machine ({gpus}), and each process "
            f"needs one of its own; set it to at most {gpus}"
        )
    os.environ[STARTED_BY] = str(os.getppid())
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # else DDP warns when a model has no unused weights
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // settings.processes)))
    options = [f"--nproc-per-node={settings.processes}", *rendezvous(settings.nodes), "--module", "stages.train"]
    try:
        torchrun.run(torchrun.parse_args([*options, *argv]))
    except ChildFailedError:  # that process has printed its error
        return False
    return True
