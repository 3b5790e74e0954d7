"""The processes that train one model together, each on its share of every batch."""

import json
import os

import torch
import torch.distributed as dist

State = tuple[dict[str, torch.Tensor], dict]
"""A run's saved tensors by name, and its counters."""


class ProcessGroup:
    """This process among those that train together; alone, every operation leaves its tensors as they are.

    processes: how many there are, on all machines. A scheduler's environment means nothing to one that is alone.
    """

    def __init__(self, processes: int):
        environment = os.environ if processes > 1 else {}
        self.rank, self.size = int(environment.get("RANK", "0")), int(environment.get("WORLD_SIZE", "1"))
        if self.size > 1:
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        # one device a process: more would multiply the batch behind the schedule's back
        self.local_rank = int(environment.get("LOCAL_RANK", "0"))
        self.device = torch.device("cuda", self.local_rank) if torch.cuda.is_available() else torch.device("cpu")
        if torch.cuda.is_available():
            torch.cuda.set_device(self.device)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that reports, and saves the state."""
        return self.rank == 0

    @property
    def is_writer(self) -> bool:
        """Whether this process writes the outputs: one does on each machine, where its own DVC looks for them."""
        return self.local_rank == 0

    def sum(self, *tensors: torch.Tensor) -> None:
        """Replace tensors of one type by their sums over all processes."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            dist.all_reduce(flat)
            for tensor, summed in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
                tensor.copy_(summed.view_as(tensor))

    def share(self, state: State | None) -> State | None:
        """Return the first process's state in every process."""
        if self.size == 1:
            return state
        tensors, counters = state or ({}, None)
        shapes = {name: (str(tensor.dtype).removeprefix("torch."), tensor.shape) for name, tensor in tensors.items()}
        words = torch.tensor(list(json.dumps([counters, shapes]).encode()), dtype=torch.uint8, device=self.device)
        size = torch.tensor(len(words), device=self.device)
        dist.broadcast(size, 0)
        words = words if self.is_first else torch.empty(int(size), dtype=torch.uint8, device=self.device)
        dist.broadcast(words, 0)
        counters, shapes = json.loads(bytes(words.tolist()))
        shared = {}
        for name, (dtype, shape) in shapes.items():
            mine = tensors[name] if self.is_first else torch.empty(shape, dtype=getattr(torch, dtype))
            shared[name] = mine.contiguous().to(self.device)
            dist.broadcast(shared[name], 0)
        return None if counters is None else (shared, counters)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        if self.size > 1:
            dist.destroy_process_group()
