"""Trained weights at work: on a device, in pieces that suit it, judged by the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from napari_mrf.compute.devices import n_threads, resolve_device
from napari_mrf.compute.memory import available_bytes
from napari_mrf.compute.steps import result_of
from napari_mrf.compute.threads import in_order, one_thread_each
from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.errors import MRFInputError
from napari_mrf.matching.model_fit import model_fit
from napari_mrf.networks.weights import load_network
from napari_mrf.networks.work import work_of
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.reconstruction.edges import edge_flags
from napari_mrf.reconstruction.method import VoxelResult

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.matching.model_fit import ModelFit
    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.reconstruction.subspace.coefficients import Signals, Subspace

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_GPU_FLOPS = 2e12
_USED_SHARE_OF_MEMORY = 0.25
_NO_MEMORY = ("DefaultCPUAllocator", "out of memory")


@dataclass(frozen=True)
class Prepared:
    """Means of a network that is on its device.

    Parameters
    ----------
    fit : ModelFit
        Judges its answers.
    pool : ThreadPoolExecutor or None
        Threads for pieces at the same time; None off the CPU.
    """

    fit: ModelFit
    pool: ThreadPoolExecutor | None


class NetworkRunner:
    """A trained network on a device.

    Parameters
    ----------
    card_path : Path
        Of the weights.
    sequence : Sequence
        What was measured.
    device : str
        See `resolve_device`.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"``, ``"no-device"``, and what `load_network` raises.
    """

    def __init__(self, card_path: Path, sequence: Sequence, device: str) -> None:
        self.device = resolve_device(device)
        self._trained, self.card = load_network(card_path, sequence)
        self.info = NETWORKS[self.card.name]
        self.work = work_of(self._trained.network, self.info, self.card.n_frames)
        self.notes: list[MapsWarning] = []
        """Sentences that a user should read."""
        self._sequence = sequence
        self._prepared: Prepared | None = None
        self._entered: tuple[Subspace, TrainedNetwork] | None = None

    def preparing(self) -> Generator[None, None, Prepared]:
        """Put the network on its device, and make the fit that judges its answers."""
        if self._prepared is not None:
            return self._prepared
        yield
        fit = model_fit(self._sequence)
        yield
        self._trained.to(self.device)
        if self.info.kind == "image":
            # Fingerprints come voxel by voxel, so the channels of a voxel lie together.
            self._trained.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        pool = one_thread_each(n_threads()) if self.device.type == "cpu" else None
        self._prepared = prepared = Prepared(fit, pool)
        return prepared

    def prepare(self) -> Prepared:
        """Do `preparing` in one go; it is done once."""
        return result_of(self.preparing())

    def n_voxels(self, cpu_flops: float) -> int:
        """Return how many voxels go in at once.

        Parameters
        ----------
        cpu_flops : float
            Work of a piece on one core of the CPU; a GPU takes so much that it is busy.
        """
        if self.device.type == "cpu":
            flops, free = cpu_flops, available_bytes() / n_threads()
        else:
            flops, free = _GPU_FLOPS, float(available_bytes())
            if self.device.type == "cuda":
                free = float(torch.cuda.mem_get_info(self.device)[0])
        return int(min(flops / self.work.flops, _USED_SHARE_OF_MEMORY * free / self.work.n_bytes))

    def each(self, work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> Iterator[Result]:
        """Yield `work(piece)` of every piece in their order; some at once on the CPU."""
        yield from in_order(self.prepare().pool, n_threads() + 1, work, pieces)

    @property
    def takes_coefficients(self) -> bool:
        """Whether `scaled` takes those of a series, without making frames of them."""
        return self._trained.takes_coefficients

    def _in_subspace(self, subspace: Subspace) -> TrainedNetwork:
        """Return the network that takes coordinates; it is kept, as a series has one subspace."""
        kept = self._entered
        if kept is None or kept[0] is not subspace:
            kept = subspace, self._trained.in_subspace(subspace.vectors).to(self.device)
            self._entered = kept
        return kept[1]

    def scaled(
        self, signals: NDArray[np.complex64], subspace: Subspace | None = None
    ) -> NDArray[np.float32] | None:
        """Return scaled maps as the network gives them, None if the memory is too small.

        Parameters
        ----------
        signals : ndarray
            Fingerprints (N, T), or an image (H, W, T) for a network that looks at neighbors.
        subspace : Subspace, optional
            Instead of T frames there are K coordinates along its vectors; for a network that
            `takes_coefficients`.

        Returns
        -------
        ndarray or None
            (N, M), or (H, W, M) less the margin of the network on each side; 2 M where the network
            gives scales (`TrainedNetwork.estimates`).
        """
        try:
            with torch.inference_mode():
                trained = self._trained if subspace is None else self._in_subspace(subspace)
                given = torch.from_numpy(signals).to(self.device)
                rows = trained.normalization.canonical(given.flatten(0, -2))
                if signals.ndim == 2:
                    found = trained.estimates(rows)
                else:
                    height, width, n_numbers = signals.shape
                    image = rows.reshape(1, height, width, -1).permute(0, 3, 1, 2)
                    found = trained.estimates(image.view(1, 2, n_numbers, height, width))
                    found = found[0].permute(1, 2, 0)
                return found.cpu().numpy()
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
        return None

    def leave_the_gpu(self) -> None:
        """Go on with the CPU, and say so.

        Raises
        ------
        MRFInputError
            ``"out-of-memory"`` on the CPU.
        """
        if self.device.type == "cpu":
            raise MRFInputError(
                "out-of-memory",
                f"there is not enough memory for the network {self.card.name}",
                hint="Close other programs, or use a matcher.",
            )
        told = (f"{self.device} has too little memory; the CPU was used instead. Close what else "
                "uses it to be faster.")  # fmt: skip
        self.notes.append(MapsWarning("cpu-instead", told))
        self.device = torch.device("cpu")
        self._trained.to(self.device)
        self._entered = None

    def values(
        self, scaled: NDArray[np.float32]
    ) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.uint16]]:
        """Return maps (N,) by key and flags (N,) of scaled maps (N, M or 2 M).

        Estimates outside the range that the network was trained on are kept at its end and
        flagged.
        """
        normalization = self._trained.normalization
        scaled = scaled[:, : len(self.card.maps)]
        with torch.inference_mode():
            kept = torch.from_numpy(np.clip(scaled, 0.0, 1.0)).to(normalization.lower.device)
            values = normalization.values(kept).cpu().numpy()
        keys = [one.key for one in self.card.maps]
        maps = dict(zip(keys, values.T, strict=True))
        outside = dict(zip(keys, ((scaled < 0.0) | (scaled > 1.0)).T, strict=True))
        return maps, edge_flags(outside, maps)

    def deviations(
        self, maps: dict[str, NDArray[np.float32]], scaled: NDArray[np.float32]
    ) -> dict[str, NDArray[np.float32]]:
        """Return the standard deviations (N,) of maps by key; empty where a network gives none.

        Parameters
        ----------
        maps : dict
            From `values`.
        scaled : ndarray
            (N, 2 M), with the logarithms of the scales.
        """
        found = {}
        for one, log_scale in zip(self.card.maps, scaled[:, len(maps) :].T, strict=False):
            if one.deviation is None:
                continue
            share = np.float32(one.deviation) * np.exp(log_scale)
            if one.logarithmic:
                found[one.key] = maps[one.key] * share * np.float32(np.log(one.upper / one.lower))
            else:
                found[one.key] = share * np.float32(one.upper - one.lower)
        return found

    def judged(
        self,
        signals: Signals,
        scaled: NDArray[np.float32],
        workers: int | None = None,
    ) -> VoxelResult:
        """Return maps, and how well they explain the fingerprints (N, T) they were taken from.

        Parameters
        ----------
        signals : ndarray or Coefficients
            (N, T).
        scaled : ndarray
            (N, M or 2 M), as the network gives them.
        workers : int, optional
            Threads; 1 where `each` has all cores at work.
        """
        found, flags = self.values(scaled)
        deviations = self.deviations(found, scaled)
        quality, m0 = self.prepare().fit.fit(signals, found, workers)
        if "PD" in self._sequence.parameters:
            found = {"PD": np.abs(m0), **found}
        return VoxelResult(found, np.clip(quality, 0.0, 1.0), m0, flags, uncertainty=deviations)


def _is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory was missing; the CPU has no exception of its own for it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _NO_MEMORY)
