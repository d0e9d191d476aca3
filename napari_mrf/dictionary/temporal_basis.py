"""Temporal basis: the few shapes that atoms are combinations of (McGivney et al. 2014)."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_mrf.compute.blocks import padded
from napari_mrf.dictionary import storage
from napari_mrf.dictionary.cache import cache_directory
from napari_mrf.dictionary.real_atoms import are_real_up_to_phase, real_rows, turned, unit_rows
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

_LOGGER = logging.getLogger(__name__)
_AT_ONCE = 4096
_PROJECTED = 64


@dataclass(frozen=True, eq=False)
class TemporalBasis:
    """Orthonormal vectors over time, in falling order of the energy of the atoms along them.

    Parameters
    ----------
    sequence : Sequence
        Of the dictionary.
    made_for : str
        `atoms_fingerprint` of the atoms.
    vectors : ndarray
        (K, K) right singular vectors of the unit-norm atoms over K frames, one per column;
        float64 where the atoms are real up to a phase, else complex128.
    energies : ndarray
        (K,) squared singular values.

    References
    ----------
    McGivney et al., IEEE TMI 2014, doi 10.1109/TMI.2014.2337321.
    """

    KIND: ClassVar[str] = "temporal basis"

    sequence: Sequence
    made_for: str
    vectors: NDArray[Any]
    energies: NDArray[np.float64]

    @classmethod
    def build(
        cls, sequence: Sequence, atoms: NDArray[np.complex64], norms: NDArray[np.float64]
    ) -> TemporalBasis:
        """Return the vectors of (A, K) atoms, each of the same weight whatever its norm (A,)."""
        real = are_real_up_to_phase(atoms, norms)
        n_frames = atoms.shape[1]
        gram = np.zeros((n_frames, n_frames), np.float64 if real else np.complex128)
        for start in range(0, len(atoms), _AT_ONCE):
            of = slice(start, start + _AT_ONCE)
            unit: NDArray[Any] = unit_rows(atoms[of], norms[of])
            if real:
                unit = turned(unit).real
            gram += unit.conj().T @ unit
        energies, vectors = np.linalg.eigh(gram)
        return cls(
            sequence,
            atoms_fingerprint(sequence, atoms),
            np.ascontiguousarray(vectors[:, ::-1]),
            np.maximum(energies[::-1], 0.0),
        )

    def rank_for(self, energy: float) -> int:
        """Return the smallest number of vectors that keep a share 0-1 of the atoms' energy."""
        kept = np.cumsum(self.energies) / self.energies.sum()
        return min(int(np.searchsorted(kept, energy)) + 1, len(self.energies))

    def energy_kept(self, rank: int) -> float:
        """Return the share 0-1 of the atoms' energy along the first vectors."""
        return float(self.energies[:rank].sum() / self.energies.sum())

    def project(
        self, values: NDArray[np.complexfloating], norms: NDArray[np.float64], rank: int
    ) -> NDArray[np.complex128]:
        """Return the coefficients (N, rank) of (N, K) values divided by norms (N,), in float64."""
        import torch

        from napari_mrf.compute.threads import each_on_one_core

        vectors = self.vectors[:, :rank]
        doubled = np.iscomplexobj(vectors)
        if doubled:
            vectors = np.concatenate([vectors.real, -vectors.imag])
        # Through torch, whose products of narrow matrices cost a tenth of numpy's.
        columns = torch.from_numpy(np.ascontiguousarray(vectors))
        found = np.empty((len(values), rank), np.complex128)

        def project_block(start: int) -> None:
            # Of one size and on one core: products of matrices depend on both in the last bit.
            of = slice(start, start + _PROJECTED)
            block, scales = padded(values[of], _PROJECTED), padded(norms[of], _PROJECTED)
            rows = torch.from_numpy(real_rows(block, scales, doubled=doubled, dtype=np.float64))
            real, imaginary = (rows @ columns).numpy().reshape(2, _PROJECTED, rank)
            found[of] = (real + 1j * imaginary)[: len(values) - start]

        each_on_one_core(project_block, list(range(0, len(values), _PROJECTED)))
        return found

    def check(self, sequence: Sequence, atoms: NDArray[np.complex64]) -> None:
        """Refuse atoms (A, K) that the basis was not made for.

        Raises
        ------
        MRFInputError
            ``"wrong-dictionary"``.
        """
        found = atoms_fingerprint(sequence, atoms)
        if found != self.made_for:
            raise MRFInputError(
                "wrong-dictionary",
                "the temporal basis was made for another dictionary",
                expected=f"atoms {found[:12]} of {sequence.name}",
                found=f"atoms {self.made_for[:12]} of {self.sequence.name}",
                hint="Build a basis from this dictionary; frames and window belong to it.",
            )

    def save(self, path: str | Path) -> Path:
        """Write ``<name>.safetensors`` and its card ``<name>.json``; see `storage.save`."""
        vectors = np.ascontiguousarray(self.vectors)
        return storage.save(
            path,
            {"vectors": vectors.view(np.float64), "energies": self.energies},
            kind=self.KIND,
            sequence=self.sequence,
            contents={"made_for": self.made_for, "complex": bool(np.iscomplexobj(vectors))},
        )

    @classmethod
    def load(cls, path: str | Path, *, sequence: Sequence) -> TemporalBasis:
        """Read a basis made for `sequence`; see `storage.load` for what is refused."""
        tensors, contents = storage.load(path, kind=cls.KIND, sequence=sequence)
        with storage.understood(path):
            vectors = tensors["vectors"]
            if contents["complex"]:
                vectors = vectors.view(np.complex128)
            return cls(sequence, contents["made_for"], vectors, tensors["energies"])


def atoms_fingerprint(sequence: Sequence, atoms: NDArray[np.complex64]) -> str:
    """Return the sha256 of a sequence and (A, K) atoms."""
    digest = hashlib.sha256(sequence.fingerprint().encode())
    digest.update(str(atoms.shape).encode())
    digest.update(np.ascontiguousarray(atoms).view(np.uint8).data)
    return digest.hexdigest()


def cached_basis(
    sequence: Sequence, atoms: NDArray[np.complex64], norms: NDArray[np.float64]
) -> TemporalBasis:
    """Return the basis of (A, K) atoms, from disk where it has been built before.

    A damaged cache file is built again; a folder that cannot be written costs only the reuse.
    """
    path = cache_directory() / f"{atoms_fingerprint(sequence, atoms)[:32]}-basis.safetensors"
    if path.exists():
        try:
            basis = TemporalBasis.load(path, sequence=sequence)
            basis.check(sequence, atoms)
            return basis
        except MRFInputError as error:
            _LOGGER.warning("rebuilding a cached temporal basis: %s", error)
    basis = TemporalBasis.build(sequence, atoms, norms)
    try:
        basis.save(path)
    except MRFInputError as error:
        _LOGGER.warning("the temporal basis could not be cached: %s", error)
    return basis
