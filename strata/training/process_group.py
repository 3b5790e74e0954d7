"""The processes that train one model together, each on its share of every batch."""

import os
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

State = tuple[dict[str, torch.Tensor], dict]
"""The saved state of a run: tensors by name, and its counters."""

ALONE = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}


class ProcessGroup:
    """This process and the others that train with it. Alone, every operation returns its input unchanged.

    processes: their number on all machines. With one process, the environment variables of a scheduler are ignored.
    """

    def __init__(self, processes: int):
        environment = os.environ if processes > 1 else ALONE
        self.rank, self.size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        if self.size > 1:
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        # one GPU per process: with several, the batch would be larger than the settings say
        self.local_rank = int(environment["LOCAL_RANK"])
        self.device = torch.device("cuda", self.local_rank) if torch.cuda.is_available() else torch.device("cpu")
        if torch.cuda.is_available():
            torch.cuda.set_device(self.device)
            # cuDNN's attention makes a plan for every new length of a batch, which takes longer than the batch does
            torch.backends.cuda.enable_cudnn_sdp(False)

    @property
    def is_first(self) -> bool:
        """Whether this process prints and saves the state."""
        return self.rank == 0

    @property
    def is_writer(self) -> bool:
        """Whether this process writes the outputs. One on each machine does, since each machine has its own DVC."""
        return self.local_rank == 0

    def shared(self, model: nn.Module) -> nn.Module:
        """Return a model whose backward pass averages gradients over all processes."""
        if self.size == 1:
            return model
        # a checkpoint may have weights that a classifier does not use, such as a pooler's
        return DistributedDataParallel(model, broadcast_buffers=False, find_unused_parameters=True)

    def on_its_own(self, model: nn.Module) -> AbstractContextManager[None]:
        """In this block, a `shared` model's gradients accumulate in this process only."""
        return model.no_sync() if self.size > 1 else nullcontext()

    def sum(self, tensor: torch.Tensor) -> None:
        """Replace a tensor by its sum over all processes."""
        if self.size > 1:
            dist.all_reduce(tensor)

    def broadcast(self, state: State | None) -> State | None:
        """Return the first process's state in every process. Tensors are sent one at a time to save memory."""
        if self.size == 1:
            return state
        tensors, counters = state or ({}, None)
        known = [counters, {name: tensor.to("meta") for name, tensor in tensors.items()}]
        dist.broadcast_object_list(known, 0)
        counters, shapes = known
        for name, like in shapes.items():
            tensor = tensors[name] if self.is_first else torch.empty_like(like, device=self.device)
            tensors[name] = tensor.to(self.device)
            dist.broadcast(tensors[name], 0)
        return None if counters is None else (tensors, counters)

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        if self.size > 1:
            dist.destroy_process_group()
