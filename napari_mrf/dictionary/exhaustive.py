"""Exhaustive matching: the atom of largest normalised inner product (Ma et al. 2013)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_mrf.conditioning import OPTIONS as CONDITIONING_OPTIONS
from napari_mrf.conditioning import Conditioning
from napari_mrf.devices import resolve_device
from napari_mrf.dictionary.cache import cached_dictionary
from napari_mrf.dictionary.grid import ParameterGrid, reconstruction_grid, steps
from napari_mrf.errors import MRFInputError
from napari_mrf.maps import FLAGS
from napari_mrf.method import MethodInfo, VoxelResult
from napari_mrf.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.dictionary.atoms import Dictionary
    from napari_mrf.sequence import Sequence

# Products of matrices depend on their size in the last bit: blocks have one size, padded.
_VOXELS_AT_ONCE = 256
_ATOMS_AT_ONCE = 4096


def default_grid(sequence: Sequence) -> ParameterGrid:
    """Return the grid that `exhaustive` uses unless given one.

    FISP: the published pairs. Spoiled water-fat sequences: a coarse grid of 14,014 atoms, since
    the published one has 7,182,000, which the method ``water-fat`` searches without making them.
    """
    if sequence.kind != "spoiled":
        return reconstruction_grid(sequence)
    return ParameterGrid(
        {
            "FF": np.round(steps(0, 1, 10) / 10.0, 1),
            "T1H2O": steps(600, 200, 1800),
            "T1fat": np.array([250.0, 350.0]),
            "Df": steps(-120, 20, 120),
            "B1": np.round(steps(4, 1, 10) / 10.0, 1),
        }
    )


class ExhaustiveMatcher(VoxelwiseMethod):
    """Compare every fingerprint with every atom of an explicit dictionary.

    The oracle of the other matchers: nothing is pruned or compressed.

    Parameters
    ----------
    sequence : Sequence
        Any kind.
    device : str
        Where the products are computed.
    dictionary : Dictionary, optional
        Made for the same sequence; by default that of `default_grid`, cached on disk.
    frames, window, smooth, conjugate
        See `Conditioning`; applied to the series and, where it matters, to the atoms alike.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"`` for a dictionary of another sequence, ``"no-device"``.
    """

    info = MethodInfo(
        name="exhaustive",
        title="exhaustive matching, gridded values",
        kind="matcher",
        sequence_kinds=("spoiled", "fisp"),
        paper="Ma et al., Nature 2013",
        options=CONDITIONING_OPTIONS,
    )
    chunk_size = 4 * _VOXELS_AT_ONCE

    def __init__(
        self,
        sequence: Sequence,
        *,
        device: str = "auto",
        dictionary: Dictionary | None = None,
        frames: Any = None,
        window: int = 1,
        smooth: float = 0.0,
        conjugate: bool = False,
    ) -> None:
        if dictionary is not None and dictionary.sequence != sequence:
            raise MRFInputError(
                "wrong-sequence",
                "the dictionary was made for another sequence",
                expected=sequence.name,
                found=dictionary.sequence.name,
            )
        super().__init__(sequence, Conditioning(frames, window, smooth, conjugate))
        self.device = resolve_device(device)
        self._dictionary = dictionary
        self._atoms: Tensor | None = None
        self._norms = np.zeros(0)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The sequence's maps."""
        return self.sequence.parameters

    def describe(self) -> dict[str, Any]:
        """Return number of atoms, axes and device for the provenance."""
        record: dict[str, Any] = {"device": str(self.device)}
        if self._dictionary is not None:
            record["atoms"] = len(self._dictionary)
            record["axes"] = {
                key: {
                    "first": float(values.min()),
                    "last": float(values.max()),
                    "n": int(np.unique(values).size),
                }
                for key, values in self._dictionary.parameters.items()
            }
        return record

    def preparing(self) -> Iterator[None]:
        """Build or load the dictionary and put the unit-norm atoms on the device."""
        if self._dictionary is None:
            yield
            self._dictionary = cached_dictionary(self.sequence, default_grid(self.sequence))
        if self._atoms is None:
            yield
            atoms = self.condition(self._dictionary.atoms)
            self._norms = np.linalg.norm(atoms.astype(np.complex128), axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                unit = np.nan_to_num(atoms / self._norms[:, None]).astype(np.complex64)
            self._atoms = torch.from_numpy(unit.conj().T.copy()).to(self.device)

    def match(self, signals: NDArray[np.complex64]) -> VoxelResult:
        """Match (N, T) finite, non-zero fingerprints; see `VoxelwiseMethod.match`."""
        self.prepare()
        assert self._dictionary is not None  # noqa: S101 - made by prepare
        norms = np.linalg.norm(signals.astype(np.complex128), axis=1)
        n_blocks = -(-len(signals) // _VOXELS_AT_ONCE)
        padded = np.zeros((n_blocks * _VOXELS_AT_ONCE, signals.shape[1]), np.complex64)
        padded[: len(signals)] = signals / norms[:, None]
        blocks = [self._best_atoms(part) for part in np.split(padded, n_blocks)]
        index = np.concatenate([i for i, _ in blocks])[: len(signals)]
        product = np.concatenate([p for _, p in blocks])[: len(signals)]
        scale = (product * norms / self._norms[index]).astype(np.complex64)
        values = {
            key: axis[index].astype(np.float32) for key, axis in self._dictionary.parameters.items()
        }
        if "PD" in self.parameters and "PD" not in values:
            values["PD"] = np.abs(scale)
        return VoxelResult(
            parameters={key: values[key] for key in self.parameters if key in values},
            quality=np.clip(np.abs(product), 0.0, 1.0).astype(np.float32),
            m0=scale,
            flags=self._edges(values),
        )

    def _best_atoms(
        self, signals: NDArray[np.complex64]
    ) -> tuple[NDArray[np.int64], NDArray[np.complex64]]:
        assert self._atoms is not None  # noqa: S101 - made by prepare
        block = torch.from_numpy(signals).to(self.device)
        best = torch.full((len(block),), -1.0, device=self.device)
        index = torch.zeros(len(block), dtype=torch.int64, device=self.device)
        product = torch.zeros(len(block), dtype=torch.complex64, device=self.device)
        for start in range(0, self._atoms.shape[1], _ATOMS_AT_ONCE):
            products = block @ self._atoms[:, start : start + _ATOMS_AT_ONCE]
            power = products.real**2 + products.imag**2
            largest = power.max(dim=1).values
            # The first of equal atoms, which argmax does not promise.
            order = torch.arange(power.shape[1], device=self.device)
            first = torch.where(power == largest[:, None], order, power.shape[1]).min(1).values
            better = largest > best
            best = torch.where(better, largest, best)
            index = torch.where(better, first + start, index)
            chosen = products.gather(1, first[:, None])[:, 0]
            product = torch.where(better, chosen, product)
        return index.cpu().numpy(), product.cpu().numpy()

    def _edges(self, values: dict[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
        assert self._dictionary is not None  # noqa: S101
        flags = np.zeros(len(next(iter(values.values()))), np.uint8)
        present = {"T1H2O": values.get("FF", 0) != 1, "T1fat": values.get("FF", 1) != 0}
        for key, axis in self._dictionary.parameters.items():
            if f"{key}-edge" in FLAGS and axis.min() < axis.max():
                at_edge = (values[key] == np.float32(axis.min())) | (
                    values[key] == np.float32(axis.max())
                )
                flags[at_edge & present.get(key, True)] |= FLAGS[f"{key}-edge"]
        return flags
