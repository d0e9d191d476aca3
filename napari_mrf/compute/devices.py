"""Devices that computations run on: CPU, CUDA or MPS, by name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    import torch


def n_threads() -> int:
    """Return the number of CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def available_devices() -> list[tuple[str, str]]:
    """Return (name, label) of every usable device, the CPU first."""
    import torch

    cores = n_threads()
    devices = [("cpu", f"CPU ({cores} core{'s' if cores > 1 else ''})")]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            devices.append((f"cuda:{index}", torch.cuda.get_device_name(index)))
    if torch.backends.mps.is_available():
        devices.append(("mps", "Apple GPU"))
    return devices


def resolve_device(name: str = "auto") -> torch.device:
    """Return the torch device of a name; ``"auto"`` takes a GPU where there is one.

    Raises
    ------
    MRFInputError
        ``"no-device"`` when it is not here.
    """
    import torch

    devices = [key for key, _ in available_devices()]
    if name == "auto":
        return torch.device(devices[-1] if len(devices) > 1 else "cpu")
    if name == "cuda" and "cuda:0" in devices:
        return torch.device("cuda:0")
    if name not in devices:
        raise MRFInputError(
            "no-device",
            f"the device {name!r} is not available here",
            expected=f"auto, {', '.join(devices)}",
        )
    return torch.device(name)


def machine_name(device: torch.device) -> str:
    """Return what a model card calls a device: the name of a GPU, or cores and architecture."""
    import platform

    import torch

    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    if device.type == "mps":
        return "Apple GPU"
    return f"CPU, {n_threads()} cores, {platform.machine()}"
