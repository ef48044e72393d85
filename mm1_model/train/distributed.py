"""Processes: one alone, or as many as ``torchrun`` started.

Numbers that decide something (losses, counts, requests to stop) are added up on the CPU in float64, so that all ranks
decide alike, on any device.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """This process among the others."""

    rank: int = 0
    world_size: int = 1
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    @property
    def is_distributed(self) -> bool:
        """Whether a process group exists, which may have one member."""
        return dist.is_initialized()

    def sum(self, values: Sequence[float]) -> list[float]:
        """Returns the sums over all ranks; every rank must call it with as many values."""
        if not self.is_distributed:
            return [float(v) for v in values]
        tensor = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(tensor)
        summed: list[float] = tensor.tolist()
        return summed

    def gather(self, value: Any) -> list[Any]:
        """Returns every rank's value, by rank."""
        if not self.is_distributed:
            return [value]
        gathered: list[Any] = [None] * self.world_size
        dist.all_gather_object(gathered, value)
        return gathered

    def from_main(self, value: Any) -> Any:
        """Returns the main rank's value."""
        if not self.is_distributed:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def barrier(self) -> None:
        """Waits for all ranks."""
        self.sum([0.0])


def choose_device(name: str, *, local_rank: int = 0) -> torch.device:
    """Returns the device that settings name.

    Raises:
        ValueError: CUDA is asked for and absent.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device: 'cuda' is not available here; set `device: cpu` or `auto`")
    if name == "cpu" or not available:
        return torch.device("cpu")
    return torch.device("cuda", local_rank)


@contextlib.contextmanager
def process_group(device_name: str, *, timeout_s: float = 600.0) -> Iterator[Ranks]:
    """Joins the group that ``torchrun`` describes in the environment; without one the process is alone.

    Raises:
        ValueError: the device is not there.
    """
    if "WORLD_SIZE" not in os.environ:
        yield Ranks(device=choose_device(device_name))
        return
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    device = choose_device(device_name, local_rank=int(os.environ.get("LOCAL_RANK", "0")))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # Gloo stays beside NCCL for the small numbers that live on the CPU.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=timedelta(seconds=timeout_s))
    try:
        yield Ranks(rank=rank, world_size=world_size, device=device)
    finally:
        dist.destroy_process_group()
