"""The processes that train one model together, each on its share of every batch."""

import json
import os

import torch
import torch.distributed as dist

State = tuple[dict[str, torch.Tensor], dict]
"""The saved state of a run: tensors by name, and its counters."""

ALONE = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}


class ProcessGroup:
    """This process and the others that train with it. Alone, every operation leaves its tensors unchanged.

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

    def sum(self, *tensors: torch.Tensor) -> None:
        """Replace tensors of one type by their sums over all processes."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            dist.all_reduce(flat)
            sums = flat.split([tensor.numel() for tensor in tensors])
            for tensor, total in zip(tensors, sums, strict=True):
                tensor.copy_(total.view_as(tensor))

    def broadcast(self, state: State | None) -> State | None:
        """Return the first process's state in every process."""
        if self.size == 1:
            return state
        tensors, counters = state or ({}, None)
        shapes = {name: (str(tensor.dtype).removeprefix("torch."), tensor.shape) for name, tensor in tensors.items()}
        counters, shapes = self._broadcast_json([counters, shapes])
        received = {}
        for name, (dtype, shape) in shapes.items():
            tensor = tensors[name] if self.is_first else torch.empty(shape, dtype=getattr(torch, dtype))
            received[name] = tensor.contiguous().to(self.device)
            dist.broadcast(received[name], 0)
        return None if counters is None else (received, counters)

    def _broadcast_json(self, content: list) -> list:
        """Return the first process's content in every process."""
        text = torch.tensor(list(json.dumps(content).encode()), dtype=torch.uint8, device=self.device)
        size = torch.tensor(len(text), device=self.device)
        dist.broadcast(size, 0)
        text = text if self.is_first else torch.empty(int(size), dtype=torch.uint8, device=self.device)
        dist.broadcast(text, 0)
        return json.loads(bytes(text.tolist()))

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        if self.size > 1:
            dist.destroy_process_group()
