"""Trained networks as reconstruction methods; here those that look at single fingerprints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.devices import n_threads
from napari_mrf.networks.listing import network_row
from napari_mrf.networks.runner import NetworkRunner
from napari_mrf.reconstruction.conditioning import OPTIONS as CONDITIONING_OPTIONS
from napari_mrf.reconstruction.conditioning import Conditioning
from napari_mrf.reconstruction.edges import EdgeWords
from napari_mrf.reconstruction.method import VoxelResult
from napari_mrf.reconstruction.slicewise import SlicewiseMethod
from napari_mrf.reconstruction.subspace.coefficients import Coefficients
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.runner import Prepared
    from napari_mrf.reconstruction.subspace.coefficients import Signals
    from napari_mrf.reconstruction.voxelwise import Chunk, Matched

# What a network learned needs all frames as they are; the rest is done to the images.
OPTIONS = tuple(one for one in CONDITIONING_OPTIONS if one.name in ("smooth", "conjugate"))

# On a core 15-30 ms, so that the first map comes at once; and small enough for its cache, where
# recurrent networks are three times as fast as with thousands of fingerprints.
_BATCH_FLOPS = 1.5e9
_SMALLEST_BATCH, _LARGEST_BATCH = 64, 1024
_LARGEST_BATCH_OF_GPU = 2**16
# Cores that are done with a chunk wait for the last one; large networks have small chunks all the
# same, for the first map.
_BATCHES_A_CORE = 3


class TrainedMethod(SlicewiseMethod):
    """A network with its weights.

    The quality of a voxel is the correlation of its fingerprint with the one that the simulator
    gives for the network's own maps: where the network is wrong, it is low.

    Parameters
    ----------
    sequence : Sequence
        The one that the network was trained for; another is refused.
    card_path : Path
        Of the weights.
    device : str
        Where the network runs.
    smooth, conjugate
        See `Conditioning`.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"``, ``"no-device"``, and what `load_network` raises.
    """

    def __init__(
        self,
        sequence: Sequence,
        *,
        card_path: Path,
        device: str = "auto",
        smooth: float = 0.0,
        conjugate: bool = False,
    ) -> None:
        super().__init__(sequence, Conditioning(smooth=smooth, conjugate=conjugate))
        self.runner = NetworkRunner(card_path, sequence, device)
        self.notes = self.runner.notes
        self.card = self.runner.card
        self.info = network_row(self.card, card_path, OPTIONS)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The maps that the network gives, and PD where the scale of the signal is one."""
        keys = tuple(one.key for one in self.card.maps)
        return keys if "PD" not in self.sequence.parameters else ("PD", *keys)

    @property
    def edge_words(self) -> EdgeWords:
        """A network knows the range that it was trained on."""
        return EdgeWords(
            "an end of the range that the network was trained on",
            "the true values may lie outside, or the noise is high",
            "Matching methods have wider limits; flags tell where.",
        )

    def describe(self) -> dict[str, Any]:
        """Return device and weights for the provenance."""
        return {
            "device": str(self.runner.device),
            "weights_sha256": self.card.weights_sha256,
            "trained_with": self.card.software_version,
            "is_reduced": self.card.is_reduced,
        }

    def preparing(self) -> Generator[None, None, Prepared]:
        """Put the network on its device, and make the fit that judges its answers."""
        return (yield from self.runner.preparing())


class NetworkMethod(TrainedMethod, VoxelwiseMethod):
    """Maps by a network that looks at one fingerprint at a time; see `TrainedMethod`."""

    def __init__(self, sequence: Sequence, **options: Any) -> None:
        super().__init__(sequence, **options)
        on_gpu = self.runner.device.type != "cpu"
        self.workers = None if on_gpu else 1
        largest = _LARGEST_BATCH_OF_GPU if on_gpu else _LARGEST_BATCH
        fitting = self.runner.n_voxels(_BATCH_FLOPS)
        self._batch = int(np.clip(fitting, 2 * _SMALLEST_BATCH, largest))
        self.chunk_size = self._batch if on_gpu else self._batch * n_threads()
        if not on_gpu:
            of_batch = self._batch * self.runner.work.flops
            several = int(_BATCHES_A_CORE * _BATCH_FLOPS / of_batch)
            self.chunk_size *= max(1, min(several, _BATCHES_A_CORE))

    def _each(self, work: Callable[[Chunk], Matched], chunks: Iterator[Chunk]) -> Iterator[Matched]:
        """Work on batches of the chunks, several at a time, while the next ones are being read."""
        return self.runner.each(work, self._pieces(chunks))

    def _pieces(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        for where, signals in chunks:
            if signals is None:
                yield where, None
                continue
            z, rows, columns = where
            for start in range(0, len(signals), self._batch):
                of = slice(start, start + self._batch)
                yield (z, rows[of], columns[of]), signals[of]

    def _matched(self, signals: Signals, b1: NDArray[np.float32] | None) -> VoxelResult:
        # Where a core is at work on these, no pool is asked: it would wait for itself.
        return VoxelResult.joined([self._judged(batch) for batch in self._batches(signals)])

    @property
    def matches_coefficients(self) -> bool:  # type: ignore[override]
        """See `VoxelwiseMethod.matches_coefficients`: networks whose first layers are linear do."""
        return self.runner.takes_coefficients

    def match(self, signals: Signals) -> VoxelResult:
        """Estimate (N, T) finite, non-zero fingerprints; see `VoxelwiseMethod.match`."""
        self.prepare()
        return VoxelResult.joined(list(self.runner.each(self._judged, self._batches(signals))))

    def _judged(self, batch: Signals) -> VoxelResult:
        # A batch is judged where it was estimated: no core waits for the others in between.
        return self.runner.judged(batch, self._of_batch(batch), self.workers)

    def maps_alone(self, signals: NDArray[np.complex64]) -> dict[str, NDArray[np.float32]]:
        """Return the maps without the simulation that judges them: half the time."""
        if "PD" in self.parameters:  # comes of that simulation
            return super().maps_alone(signals)
        self.prepare()
        scaled = list(self.runner.each(self._of_batch, self._batches(signals)))
        return self.runner.values(np.concatenate(scaled))[0]

    def _batches(self, signals: Signals) -> list[Signals]:
        starts = range(0, len(signals), self._batch)
        return [signals[start : start + self._batch] for start in starts]

    def _of_batch(self, signals: Signals) -> NDArray[np.float32]:
        """Return scaled maps (N, M); out of memory, of half the batch, then on the CPU."""
        if isinstance(signals, Coefficients):
            unit = signals.unit.astype(np.complex64)
            scaled = self.runner.scaled(unit, signals.subspace)
        else:
            scaled = self.runner.scaled(signals)
        if scaled is not None:
            return scaled
        if len(signals) <= _SMALLEST_BATCH:
            self.runner.leave_the_gpu()
            return self._of_batch(signals)
        half = len(signals) // 2
        self._batch = max(min(self._batch, half), _SMALLEST_BATCH)
        return np.concatenate([self._of_batch(signals[:half]), self._of_batch(signals[half:])])
