"""The start of several processes that train one model together."""

import os
import subprocess
import sys

from stages.shared import params


def is_launched() -> bool:
    """Whether this process was started as one of a group."""
    return "LOCAL_RANK" in os.environ


def launch(settings: params.Train, argv: list[str]) -> int:
    """Run this stage in every process of this node, through torchrun, and return the exit code.

    With several nodes, NODE_RANK, MASTER_ADDR and MASTER_PORT tell this one's number and where the first one listens.
    """
    where = (
        ["--standalone"]
        if settings.nodes == 1
        else [
            f"--nnodes={settings.nodes}",
            f"--node-rank={os.environ.get('NODE_RANK', '0')}",
            f"--master-addr={os.environ.get('MASTER_ADDR', '127.0.0.1')}",
            f"--master-port={os.environ.get('MASTER_PORT', '29500')}",
        ]
    )
    command = [sys.executable, "-m", "torch.distributed.run", *where, f"--nproc-per-node={settings.processes}"]
    return subprocess.run([*command, "-m", "stages.train", *argv], check=False).returncode
