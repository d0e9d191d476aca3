"""The temporal basis pulse by pulse: what all signals of a sequence are combinations of.

A readout sees the signal of its own pulse, so reconstruction from k-space needs the basis
before pulses are averaged to frames. Water and fat are atoms of their own, of equal weight: their
mixtures are combinations of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.dictionary import storage
from napari_mrf.dictionary.cache import cache_directory
from napari_mrf.dictionary.grid import EXPLICIT_GRIDS, ParameterGrid
from napari_mrf.errors import MRFInputError
from napari_mrf.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

_LOGGER = logging.getLogger(__name__)
# Root mean square of what the basis leaves out of a unit-norm fingerprint.
_LEFT_OUT = 0.01
_MOST = 16
_ATOMS = 3000


@dataclass(frozen=True, eq=False)
class PulseBasis:
    """Orthonormal vectors over the pulses of a sequence.

    Parameters
    ----------
    sequence : Sequence
        That was played.
    vectors : ndarray
        (n_pulses, K) complex64, in falling order of the energy of the atoms along them.
    singular_values : ndarray
        (K,) float64 of the unit-norm atoms.
    left_out : float
        Root mean square of what the basis leaves out of a unit-norm atom.
    """

    KIND: ClassVar[str] = "pulse basis"

    sequence: Sequence
    vectors: NDArray[np.complex64]
    singular_values: NDArray[np.float64]
    left_out: float

    @property
    def rank(self) -> int:
        """Number of vectors K."""
        return int(self.vectors.shape[1])

    def by_frame(self) -> NDArray[np.complex64]:
        """Return the vectors (n_frames, K) of the temporal frames: means over their pulses."""
        return np.asarray(self.sequence.per_frame(self.vectors.T).mean(axis=-1).T, np.complex64)

    def save(self, path: str | Path) -> Path:
        """Write it; see `storage.save`."""
        return storage.save(
            path,
            {
                "vectors": np.ascontiguousarray(self.vectors).view(np.float32),
                "singular_values": self.singular_values,
            },
            kind=self.KIND,
            sequence=self.sequence,
            contents={"left_out": self.left_out},
        )

    @classmethod
    def load(cls, path: str | Path, *, sequence: Sequence) -> PulseBasis:
        """Read a basis made for `sequence`; see `storage.load` for what is refused."""
        tensors, contents = storage.load(path, kind=cls.KIND, sequence=sequence)
        with storage.understood(path):
            return cls(
                sequence,
                tensors["vectors"].view(np.complex64),
                tensors["singular_values"],
                float(contents["left_out"]),
            )


def _water_and_fat() -> list[dict[str, NDArray[np.float64]]]:
    """Return the tissues of pure water and of pure fat, with room around what patients have."""
    fields = {"Df": np.linspace(-120.0, 120.0, 13), "B1": np.linspace(0.3, 1.2, 8)}
    water = ParameterGrid({"T1H2O": np.geomspace(400.0, 3000.0, 12), **fields}).points()
    fat = ParameterGrid({"T1fat": np.linspace(200.0, 500.0, 7), **fields}).points()
    nothing = {"T1H2O": 1000.0, "T1fat": 300.0}
    return [
        {**{key: np.full(len(water["Df"]), value) for key, value in nothing.items()}, **water,
         "FF": np.zeros(len(water["Df"]))},
        {**{key: np.full(len(fat["Df"]), value) for key, value in nothing.items()}, **fat,
         "FF": np.ones(len(fat["Df"]))},
    ]  # fmt: skip


TISSUES: dict[str, Callable[[], list[dict[str, NDArray[np.float64]]]]] = {
    "spoiled": _water_and_fat,
}
"""Tissues by kind of sequence, in groups of equal weight; else the points of its explicit grid."""


def _tissues(sequence: Sequence) -> list[dict[str, NDArray[np.float64]]]:
    if sequence.kind in TISSUES:
        return TISSUES[sequence.kind]()
    points = EXPLICIT_GRIDS[sequence.kind]().points()
    count = len(next(iter(points.values())))
    chosen = np.arange(0, count, max(1, count // _ATOMS))
    return [{key: values[chosen] for key, values in points.items()}]


def make_pulse_basis(sequence: Sequence, rank: int | None = None) -> PulseBasis:
    """Return the basis of all signals of a sequence.

    Parameters
    ----------
    sequence : Sequence
        Of any kind of `SIGNAL_KINDS`.
    rank : int, optional
        Number of vectors; by default as many as leave 1 % (root mean square) of the atoms out,
        16 at most.

    Raises
    ------
    MRFInputError
        ``"bad-option"`` for a rank below 1 or above the number of pulses.
    """
    if rank is not None and not 1 <= rank <= sequence.n_pulses:
        raise MRFInputError("bad-option", "the rank of the subspace is out of range",
                            expected=f"1 to {sequence.n_pulses}", found=rank)  # fmt: skip
    by_pulse = replace(sequence, pulses_per_frame=1, pulses_between_frames=None)
    groups = []
    for tissue in _tissues(sequence):
        atoms = np.asarray(simulate(by_pulse, tissue), np.complex64)
        norms = np.linalg.norm(atoms, axis=1, keepdims=True) * np.sqrt(len(atoms))
        groups.append(atoms / norms)
    stacked = np.concatenate(groups) / np.sqrt(len(groups))
    energies, vectors = np.linalg.eigh((stacked.T @ stacked.conj()).astype(np.complex128))
    energies, vectors = np.maximum(energies[::-1], 0.0), vectors[:, ::-1]
    left_out = np.sqrt(np.maximum(1.0 - np.cumsum(energies), 0.0))
    if rank is None:
        rank = min(int(np.argmax(left_out < _LEFT_OUT)) + 1, _MOST)
    return PulseBasis(
        sequence,
        np.ascontiguousarray(vectors[:, :rank], np.complex64),
        np.sqrt(energies[:rank]),
        float(left_out[rank - 1]),
    )


def cached_pulse_basis(sequence: Sequence, rank: int | None = None) -> PulseBasis:
    """Return `make_pulse_basis`, from disk where it has been made before.

    A damaged cache file is made again; a folder that cannot be written costs only the reuse.
    """
    contents = {
        "rank": rank, "left_out": _LEFT_OUT, "most": _MOST, "atoms": _ATOMS,
        "ranges": {key: list(of) for key, of in SIGNAL_KINDS[sequence.kind].ranges.items()},
        "frames": [sequence.pulses_per_frame, sequence.frame_step],
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(contents).encode()).hexdigest()
    path = cache_directory() / f"{sequence.fingerprint()[:16]}-{digest[:16]}-pulses.safetensors"
    if path.exists():
        try:
            return PulseBasis.load(path, sequence=sequence)
        except MRFInputError as error:
            _LOGGER.warning("making a cached temporal basis again: %s", error)
    basis = make_pulse_basis(sequence, rank)
    try:
        basis.save(path)
    except MRFInputError as error:
        _LOGGER.warning("the temporal basis could not be cached: %s", error)
    return basis
