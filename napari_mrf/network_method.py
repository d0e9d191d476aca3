"""A fingerprint-wise network as a reconstruction method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_mrf.conditioning import OPTIONS as CONDITIONING_OPTIONS
from napari_mrf.conditioning import Conditioning
from napari_mrf.devices import resolve_device
from napari_mrf.dictionary.model_fit import model_fit
from napari_mrf.maps import FLAGS
from napari_mrf.method import MethodInfo, VoxelResult
from napari_mrf.networks.weights import load_network
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.dictionary.model_fit import ModelFit
    from napari_mrf.networks.card import ModelCard
    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.sequence import Sequence

# What a network learned needs all frames as they are; the rest is done to the images.
_OPTIONS = tuple(one for one in CONDITIONING_OPTIONS if one.name in ("smooth", "conjugate"))
_SMALLEST_BATCH = 64


def network_row(card: ModelCard, n_bytes: int) -> MethodInfo:
    """Return the row of the table of methods for installed weights."""
    info = NETWORKS[card.name]
    errors = ", ".join(
        f"{one.map} {one.mean_absolute_error:.3g}" for one in card.metrics
        if one.sigma == card.metrics[0].sigma
    )  # fmt: skip
    noise = card.recipe.get("noise", {})
    words = [
        f"{n_bytes / 1e6:.1f} MB, installed",
        *(["reduced training"] if card.is_reduced else []),
        f"mean absolute error {errors} at noise {card.metrics[0].sigma:g}",
        f"trained with noise {noise.get('sigma_lower', 0):g}-{noise.get('sigma_upper', 0):g}",
    ]
    return MethodInfo(
        name=card.name,
        title=info.title,
        kind="network",
        sequence_kinds=(card.sequence_kind,),
        paper=info.paper,
        options=_OPTIONS,
        weights="; ".join(words),
    )


class NetworkMethod(VoxelwiseMethod):
    """Maps by a network that looks at one fingerprint at a time.

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

    chunk_size = 4096

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
        self.device = resolve_device(device)
        self._trained, self.card = load_network(card_path, sequence)
        self.info = network_row(self.card, card_path.with_suffix(".safetensors").stat().st_size)
        self._batch = self.chunk_size
        self._network: TrainedNetwork | None = None
        self._fit: ModelFit | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """The maps that the network gives, and PD where the scale of the signal is one."""
        keys = tuple(one.key for one in self.card.maps)
        return keys if "PD" not in self.sequence.parameters else ("PD", *keys)

    def describe(self) -> dict[str, Any]:
        """Return device and weights for the provenance."""
        return {
            "device": str(self.device),
            "weights_sha256": self.card.weights_sha256,
            "trained_with": self.card.software_version,
            "is_reduced": self.card.is_reduced,
        }

    def preparing(self) -> Iterator[None]:
        """Put the network on its device, and make what its answers are judged by."""
        if self._network is None:
            yield
            self._fit = model_fit(self.sequence)
            yield
            self._network = self._trained.to(self.device)

    def match(self, signals: NDArray[np.complex64]) -> VoxelResult:
        """Estimate (N, T) finite, non-zero fingerprints; see `VoxelwiseMethod.match`."""
        self.prepare()
        assert self._fit is not None  # noqa: S101 - made by preparing
        scaled, found = self._estimate(signals)
        flags = np.zeros(len(signals), np.uint8)
        for column, key in enumerate(found):
            outside = (scaled[:, column] < 0.0) | (scaled[:, column] > 1.0)
            flags[outside] |= FLAGS.get(f"{key}-edge", 0)
        quality, m0 = self._fit.fit(signals, found)
        if "PD" in self.parameters:
            found["PD"] = np.abs(m0)
        return VoxelResult(
            parameters={key: found[key] for key in self.parameters},
            quality=np.clip(quality, 0.0, 1.0),
            m0=m0,
            flags=flags,
        )

    def maps_alone(self, signals: NDArray[np.complex64]) -> dict[str, NDArray[np.float32]]:
        """Return the maps without the simulation that judges them: half the time."""
        if "PD" in self.parameters:  # comes of that simulation
            return super().maps_alone(signals)
        self.prepare()
        return self._estimate(signals)[1]

    def _estimate(
        self, signals: NDArray[np.complex64]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Return scaled maps (N, M) before they are kept in range, and their values by key."""
        parts = []
        start = 0
        while start < len(signals):
            try:
                parts.append(self._run(signals[start : start + self._batch]))
            except torch.OutOfMemoryError:
                self._shrink()
                continue
            start += self._batch
        scaled = np.concatenate([part[0] for part in parts])
        values = np.concatenate([part[1] for part in parts])
        return scaled, {one.key: values[:, column] for column, one in enumerate(self.card.maps)}

    def _run(
        self, signals: NDArray[np.complex64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert self._network is not None  # noqa: S101 - made by preparing
        normalization = self._network.normalization
        with torch.no_grad():
            inputs = normalization.canonical(torch.from_numpy(signals).to(self.device))
            scaled = self._network.network(inputs)
            values = normalization.values(torch.clamp(scaled, 0.0, 1.0))
        return scaled.cpu().numpy(), values.cpu().numpy()

    def _shrink(self) -> None:
        """Halve the batch; on the smallest, go to the CPU."""
        if self._batch > _SMALLEST_BATCH:
            self._batch //= 2
            return
        if self.device.type == "cpu" or self._network is None:
            raise MemoryError("the memory does not suffice for the network")
        self.notes.append(f"{self.device} has too little memory; the CPU was used instead.")
        self.device = torch.device("cpu")
        self._network.to(self.device)
        self._batch = self.chunk_size
