"""Several processes that train one network together, started by torchrun."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from napari_mrf.training.data.batches import Batch

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Processes:
    """One process among those that train together; the only one by default.

    Parameters
    ----------
    rank : int
        Its number; process 0 writes the files.
    size : int
        How many there are.
    device : torch.device
        Where this one computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """True for the process that writes the files."""
        return self.rank == 0

    @classmethod
    def join(cls, device: torch.device) -> Processes:
        """Join those that torchrun started with this one; alone where it did not.

        Each takes the GPU of its own number where the device is a GPU.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls(device=device)
        import torch.distributed as dist

        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(dist.get_rank(), size, device)

    def leave(self) -> None:
        """End what `join` began."""
        if self.size > 1:
            import torch.distributed as dist

            dist.destroy_process_group()

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            import torch.distributed as dist

            dist.barrier()

    def agree(self, *values: float) -> list[float]:
        """Return the values of process 0, in all of them."""
        if self.size == 1:
            return list(values)
        import torch.distributed as dist

        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.broadcast(shared, src=0)
        return [float(value) for value in shared]

    def sum(self, value: torch.Tensor) -> torch.Tensor:
        """Return the sum of a value over the processes."""
        if self.size > 1:
            import torch.distributed as dist

            value = value.clone()
            dist.all_reduce(value)
        return value

    def part_of(self, batch: Batch) -> tuple[Batch, float]:
        """Return this process's rows of a batch, and their share of what counts in it."""
        if self.size == 1:
            return batch, 1.0
        rows = slice(self.rank, None, self.size)
        part = Batch(
            batch.signals[rows],
            batch.maps[rows],
            None if batch.counted is None else batch.counted[rows],
        )
        return part, _weight(part) / max(_weight(batch), 1)

    def parallel(self, objective: nn.Module, *, some_unused: bool) -> nn.Module:
        """Return the objective with gradients that are averaged over the processes.

        Batch normalization takes its mean and variance over all processes on GPUs; on the CPU,
        where torch cannot, over the rows of each process.

        Parameters
        ----------
        objective : nn.Module
            Gives the loss.
        some_unused : bool
            Whether it has weights that the loss does not depend on.
        """
        if self.size == 1:
            return objective
        from torch.nn.parallel import DistributedDataParallel

        if self.device.type == "cuda":
            convert = torch.nn.SyncBatchNorm.convert_sync_batchnorm
            objective = convert(objective)  # type: ignore[no-untyped-call]
        return DistributedDataParallel(objective, find_unused_parameters=some_unused)


def _weight(batch: Batch) -> int:
    return len(batch.maps) if batch.counted is None else int(batch.counted.sum())
