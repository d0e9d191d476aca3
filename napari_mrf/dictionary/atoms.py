"""A dictionary of explicit atoms: one fingerprint for every point of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_mrf.dictionary import storage
from napari_mrf.errors import MRFInputError
from napari_mrf.simulation import simulate

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.dictionary.grid import ParameterGrid


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Fingerprints and the parameters that made them.

    Parameters
    ----------
    sequence : Sequence
        What the atoms were simulated for.
    parameters : dict of str to ndarray
        (N,) float64 values by key.
    atoms : ndarray
        (N, n_frames) complex64, not normalized.

    Raises
    ------
    MRFInputError
        ``"bad-dictionary"`` when the shapes do not agree.
    """

    KIND: ClassVar[str] = "atoms"

    sequence: Sequence
    parameters: dict[str, NDArray[np.float64]]
    atoms: NDArray[np.complex64]

    def __post_init__(self) -> None:
        n_atoms = len(self.atoms)
        shapes = {key: values.shape for key, values in self.parameters.items()}
        if self.atoms.shape != (n_atoms, self.sequence.n_frames) or any(
            shape != (n_atoms,) for shape in shapes.values()
        ):
            raise MRFInputError(
                "bad-dictionary",
                "atoms and parameters differ in length",
                expected=f"{self.sequence.n_frames} frames",
                found=f"atoms {self.atoms.shape}, {shapes}",
            )

    def __len__(self) -> int:
        return len(self.atoms)

    @classmethod
    def build(cls, sequence: Sequence, grid: ParameterGrid) -> Dictionary:
        """Simulate an atom for every point of the grid."""
        points = grid.points()
        atoms = np.asarray(simulate(sequence, points), dtype=np.complex64)
        return cls(sequence, points, atoms)

    def save(self, path: str | Path) -> Path:
        """Write ``<name>.safetensors`` and its card ``<name>.json``; see `storage.save`."""
        tensors: dict[str, NDArray[Any]] = {
            f"parameter.{key}": values for key, values in self.parameters.items()
        }
        tensors["atoms"] = np.ascontiguousarray(self.atoms).view(np.float32)
        return storage.save(
            path,
            tensors,
            kind=self.KIND,
            sequence=self.sequence,
            contents={"n_atoms": len(self), "keys": list(self.parameters)},
        )

    @classmethod
    def load(cls, path: str | Path, *, sequence: Sequence) -> Dictionary:
        """Read a dictionary made for `sequence`; see `storage.load` for what is refused."""
        tensors, contents = storage.load(path, kind=cls.KIND, sequence=sequence)
        with storage.understood(path):
            parameters = {key: tensors[f"parameter.{key}"] for key in contents["keys"]}
            return cls(sequence, parameters, tensors["atoms"].view(np.complex64))
