"""Matching after temporal compression: the same search over tens of numbers, not of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.dictionary.compressed_atoms import CompressedAtoms, left_out
from napari_mrf.dictionary.real_atoms import RealAtoms, norms_of
from napari_mrf.dictionary.temporal_basis import cached_basis
from napari_mrf.errors import MRFInputError
from napari_mrf.matching.explicit.explicit_matcher import (
    AtomSearch,
    ConditionedAtoms,
    ExplicitMatcher,
)
from napari_mrf.matching.refining_matcher import SHARED_OPTIONS
from napari_mrf.reconstruction.method import MethodInfo, MethodOption
from napari_mrf.reconstruction.subspace.coefficients import Coefficients, TimeVectors

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.dictionary.temporal_basis import TemporalBasis
    from napari_mrf.matching.explicit.search import CompiledSearch
    from napari_mrf.matching.explicit.search_torch import TorchSearch
    from napari_mrf.reconstruction.subspace.coefficients import Signals

ENERGIES = ("99.9", "99.99", "99.999", "99.9999", "99.99999", "99.999999")
DEFAULT_ENERGY = "99.999999"
"""Energy that `CompressedMatcher` keeps by default (%)."""
_WORTH_A_WORD = 0.01

RANK_OPTIONS = (
    MethodOption(
        name="energy",
        kind="choice",
        default=DEFAULT_ENERGY,
        label="Energy (%)",
        help="Share of the atoms' energy that compression keeps. The worst atom loses far more "
        "than the average: at 99.99 % a few percent of its norm.",
        choices=ENERGIES,
    ),
    MethodOption(
        name="rank",
        kind="int",
        default=0,
        label="Rank",
        help="Number of temporal vectors; 0 chooses it by the energy.",
        limits=(0, 1000),
    ),
)
"""Options of compression, as methods offer them."""


class CompressedSpace:
    """The space of compressed atoms, into which fingerprints are brought.

    Parameters
    ----------
    atoms : CompressedAtoms
        That are searched.
    """

    def __init__(self, atoms: CompressedAtoms) -> None:
        self.atoms = atoms
        self._vectors = TimeVectors(atoms.basis.vectors[:, : atoms.rank].T)

    def project(self, signals: Signals) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
        """Return (N, R) coefficients and (N,) what is left out; see `CompressedAtoms.project`."""
        if not isinstance(signals, Coefficients):
            return self.atoms.project(signals, norms_of(signals))
        products = signals.products(self._vectors)
        return products, left_out(products)


@dataclass(frozen=True, eq=False)
class ReducedSearch(AtomSearch):
    """The search in the compressed space, compared over all frames where it is checked."""

    space: CompressedSpace
    engine: CompiledSearch | TorchSearch
    is_checked: bool

    def best_atoms(self, signals: Signals) -> NDArray[np.int64]:
        """Return the best atoms; see `AtomSearch.best_atoms`."""
        coefficients, missing = self.space.project(signals)
        ones = np.ones(len(signals))
        if self.is_checked:
            return self.engine.best_atoms(signals, ones, coefficients, missing)
        return self.engine.best_atoms(coefficients.astype(np.complex64), ones)

    def among(self, numbers: NDArray[np.int64]) -> ReducedSearch:
        """Return the search among some of the atoms; see `AtomSearch.among`."""
        return replace(self, engine=self.engine.among(numbers))

    def describe(self, parameters: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
        """Return compression and engine for the provenance."""
        return {
            "engine": self.engine.engine,
            "real_valued": self.engine.are_real,
            "checked": self.is_checked,
            "compression": self.space.atoms.describe(parameters),
        }


class CompressedMatcher(ExplicitMatcher[ReducedSearch]):
    """Exhaustive matching in the space of the first singular vectors of the dictionary.

    With `check`, atoms whose compressed correlations lie closer than what compression leaves
    out of atom and fingerprint are compared over all frames: the answer is that of
    ``exhaustive``, and the rank decides on the speed alone. Without, it is that of the papers:
    the largest product in the compressed space.

    Parameters
    ----------
    sequence : Sequence
        Any kind.
    energy : str or float
        Share of the energy to keep (per cent, below 100), for rank 0.
    rank : int
        Number of vectors; 0 means by energy.
    check : bool
        See above; it works on the CPU.
    basis : TemporalBasis, optional
        Made for this dictionary under the same frames and window; built and cached without.
    **given
        Device, dictionary, refinement and conditioning, see `ExplicitMatcher`.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"``, ``"no-device"``, ``"bad-option"``; when prepared,
        ``"wrong-dictionary"`` for a basis of another dictionary.

    References
    ----------
    McGivney et al., IEEE TMI 2014, doi 10.1109/TMI.2014.2337321.
    """

    info = MethodInfo(
        name="compressed",
        title="matching after temporal compression",
        kind="matcher",
        sequence_kinds=(),
        paper="McGivney et al., IEEE TMI 2014",
        options=(
            *RANK_OPTIONS,
            MethodOption(
                name="check",
                kind="bool",
                default=True,
                label="Check",
                help="Compare the atoms that compression cannot tell apart over all frames: "
                "the answer is that of exhaustive matching.",
            ),
            *SHARED_OPTIONS,
        ),
        takes_b1=True,
    )
    matches_coefficients = True

    def __init__(
        self,
        sequence: Sequence,
        *,
        energy: str | float = DEFAULT_ENERGY,
        rank: int = 0,
        check: bool = True,
        basis: TemporalBasis | None = None,
        **given: Any,
    ) -> None:
        super().__init__(sequence, **given)
        self._energy, self._rank = checked_rank(energy, rank, self._kept.size)
        self._check = check and self.device.type == "cpu"
        self._basis = basis

    def preparing_search(self, atoms: ConditionedAtoms) -> Generator[None, None, ReducedSearch]:
        """Find or take the basis, and compress the atoms."""
        from napari_mrf.matching.explicit.search import CompiledSearch, ExactAtoms
        from napari_mrf.matching.explicit.search_torch import TorchSearch

        yield
        if self._basis is None:
            self._basis = cached_basis(self.sequence, atoms.signals, atoms.norms)
        else:
            self._basis.check(self.sequence, atoms.signals)
        yield
        rank = self._rank or self._basis.rank_for(self._energy)
        compressed = CompressedAtoms.of(atoms.signals, atoms.norms, self._basis, rank)
        ones = (atoms.norms > 0).astype(np.float64)
        rows = RealAtoms.of(compressed.coefficients, ones)
        engine: CompiledSearch | TorchSearch
        if self.device.type != "cpu":
            engine = TorchSearch(rows, self.device)
        elif self._check:
            engine = CompiledSearch(rows, atoms.exact, compressed.residuals)
        else:
            exact = ExactAtoms(compressed.coefficients.astype(np.complex64), ones)
            engine = CompiledSearch(rows, exact)
        self._fit_chunk(2 * rows.rows.size)
        if not self._check:
            self.notes += _notes(compressed.describe(atoms.dictionary.parameters))
        return ReducedSearch(CompressedSpace(compressed), engine, self._check)


def checked_rank(energy: str | float, rank: int, n_frames: int) -> tuple[float, int]:
    """Return energy as a share 0-1 and the rank, or refuse them.

    Raises
    ------
    MRFInputError
        ``"bad-option"``.
    """
    try:
        share = float(energy) / 100.0
    except (TypeError, ValueError):
        share = -1.0
    if not 0.0 < share < 1.0:
        raise MRFInputError(
            "bad-option",
            "energy must be between 0 and 100 %",
            expected="above 0 and below 100 (%)",
            found=energy,
        )
    if rank != int(rank) or not 0 <= rank <= n_frames:
        raise MRFInputError(
            "bad-option",
            "the rank is out of range",
            expected=f"1 to {n_frames}, or 0 to choose it by energy",
            found=rank,
        )
    return share, int(rank)


def _notes(compression: dict[str, Any]) -> list[MapsWarning]:
    """Warn where compression leaves much out of some atom."""
    if compression["worst_residual"] < _WORTH_A_WORD:
        return []
    atom = ", ".join(f"{key} {value:g}" for key, value in compression["worst_atom"].items())
    message = (
        f"Rank {compression['rank']} keeps {100 * compression['energy_kept']:.6g} % of the "
        f"atoms' energy, but leaves out {100 * compression['worst_residual']:.2g} % of the norm "
        f"of the worst atom ({atom}). A higher rank or energy leaves out less."
    )
    return [MapsWarning("lossy-compression", message)]
