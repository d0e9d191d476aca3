"""Matching after temporal compression: the same search over tens of numbers, not of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.conditioning import OPTIONS as CONDITIONING_OPTIONS
from napari_mrf.conditioning import Conditioning
from napari_mrf.dictionary.compressed_atoms import CompressedAtoms
from napari_mrf.dictionary.explicit_matcher import ExplicitMatcher
from napari_mrf.dictionary.real_atoms import RealAtoms, norms_of
from napari_mrf.dictionary.refining_matcher import REFINEMENT_OPTIONS
from napari_mrf.dictionary.temporal_basis import cached_basis
from napari_mrf.errors import MRFInputError
from napari_mrf.method import MethodInfo, MethodOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.dictionary.atom_search_torch import TorchSearch
    from napari_mrf.dictionary.atoms import Dictionary
    from napari_mrf.dictionary.best_atom_search import CompiledSearch
    from napari_mrf.dictionary.temporal_basis import TemporalBasis
    from napari_mrf.sequence import Sequence

ENERGIES = ("99.9", "99.99", "99.999", "99.9999", "99.99999", "99.999999")
DEFAULT_ENERGY = "99.999999"
"""What `CompressedMatcher` keeps unless told otherwise (%)."""
_WORTH_A_WORD = 0.01

RANK_OPTIONS = (
    MethodOption(
        name="energy",
        kind="choice",
        default=DEFAULT_ENERGY,
        label="Energy (%)",
        help="Share of the atoms' energy that compression keeps. The worst atom loses far more "
        "than the average: at 99.99 % some per cent of its norm.",
        choices=ENERGIES,
    ),
    MethodOption(
        name="rank",
        kind="int",
        default=0,
        label="Rank",
        help="Number of temporal vectors; 0 takes as many as the energy asks for.",
        limits=(0, 1000),
    ),
)
"""How much is compressed, as methods offer it."""


class CompressedMatcher(ExplicitMatcher):
    """Exhaustive matching in the space of the first singular vectors of the dictionary.

    With `check`, atoms whose compressed correlations lie closer than what compression leaves
    out of atom and fingerprint are compared over all frames: the answer is that of
    ``exhaustive``, and the rank decides on the speed alone. Without, it is that of the papers:
    the largest product in the compressed space.

    Parameters
    ----------
    sequence : Sequence
        Any kind.
    device : str
        Where the products are computed; `check` works on the CPU.
    dictionary : Dictionary, optional
        Made for the same sequence; by default that of `default_grid`, cached on disk.
    energy : str or float
        Share of the energy to keep (per cent, below 100), for rank 0.
    rank : int
        Number of vectors; 0 means by energy.
    check : bool
        See above.
    basis : TemporalBasis, optional
        Made for this dictionary under the same frames and window; built and cached without.
    refine, prior, sigma
        See `RefiningMatcher`.
    frames, window, smooth, conjugate
        See `Conditioning`; applied to the series and, where it matters, to the atoms alike.

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
            *REFINEMENT_OPTIONS,
            *CONDITIONING_OPTIONS,
        ),
    )

    def __init__(
        self,
        sequence: Sequence,
        *,
        device: str = "auto",
        dictionary: Dictionary | None = None,
        energy: str | float = DEFAULT_ENERGY,
        rank: int = 0,
        check: bool = True,
        basis: TemporalBasis | None = None,
        refine: bool = False,
        prior: str = "series",
        sigma: float | None = None,
        frames: Any = None,
        window: int = 1,
        smooth: float = 0.0,
        conjugate: bool = False,
    ) -> None:
        super().__init__(
            sequence,
            device=device,
            dictionary=dictionary,
            conditioning=Conditioning(frames, window, smooth, conjugate),
            refine=refine,
            prior=prior,
            sigma=sigma,
        )
        self._energy, self._rank = checked_rank(energy, rank, self._kept.size)
        self._check = check and self.device.type == "cpu"
        self._basis = basis
        self._compressed: CompressedAtoms | None = None
        self._search: CompiledSearch | TorchSearch | None = None

    @property
    def compressed(self) -> CompressedAtoms:
        """The compressed atoms, once prepared."""
        assert self._compressed is not None  # noqa: S101 - made by prepare
        return self._compressed

    def describe(self) -> dict[str, Any]:
        """Return dictionary, compression, engine and device for the provenance."""
        record = super().describe()
        if self._search is not None and self._compressed is not None:
            assert self._dictionary is not None  # noqa: S101 - made by prepare
            record |= {
                "engine": self._search.engine,
                "real_valued": self._search.are_real,
                "checked": self._check,
                "compression": self._compressed.describe(self._dictionary.parameters),
            }
        return record

    def preparing_search(
        self, atoms: NDArray[np.complex64], norms: NDArray[np.float64]
    ) -> Iterator[None]:
        """Find or take the basis, and compress the atoms."""
        from napari_mrf.dictionary.atom_search_state import ExactAtoms
        from napari_mrf.dictionary.atom_search_torch import TorchSearch
        from napari_mrf.dictionary.best_atom_search import CompiledSearch

        yield
        if self._basis is None:
            self._basis = cached_basis(self.sequence, atoms, norms)
        else:
            self._basis.check(self.sequence, atoms)
        yield
        rank = self._rank or self._basis.rank_for(self._energy)
        self._compressed = compressed = CompressedAtoms.of(atoms, norms, self._basis, rank)
        ones = (norms > 0).astype(np.float64)
        rows = RealAtoms.of(compressed.coefficients, ones)
        if self.device.type != "cpu":
            self._search = TorchSearch(rows, self.device)
        elif self._check:
            self._search = CompiledSearch(rows, ExactAtoms(atoms, norms), compressed.residuals)
        else:
            exact = ExactAtoms(compressed.coefficients.astype(np.complex64), ones)
            self._search = CompiledSearch(rows, exact)
        self._fit_chunk(2 * rows.rows.size)
        if not self._check:
            self.notes += _notes(self.describe()["compression"])

    def best_atoms(self, signals: NDArray[np.complex64]) -> NDArray[np.int64]:
        """Return the best atoms; see `ExplicitMatcher.best_atoms`."""
        assert self._compressed is not None  # noqa: S101 - made by prepare
        assert self._search is not None  # noqa: S101
        norms = norms_of(signals)
        coefficients, missing = self._compressed.project(signals, norms)
        ones = np.ones(len(signals))
        if self._check:
            return self._search.best_atoms(signals, ones, coefficients, missing)
        return self._search.best_atoms(coefficients.astype(np.complex64), ones)


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
            "the energy to keep is no useful share",
            expected="above 0 and below 100 (%)",
            found=energy,
        )
    if rank != int(rank) or not 0 <= rank <= n_frames:
        raise MRFInputError(
            "bad-option",
            "the rank is no possible number of temporal vectors",
            expected=f"1 to {n_frames}, or 0 to choose it by energy",
            found=rank,
        )
    return share, int(rank)


def _notes(compression: dict[str, Any]) -> list[str]:
    """Return a sentence where compression leaves much out of some atom."""
    if compression["worst_residual"] < _WORTH_A_WORD:
        return []
    atom = ", ".join(f"{key} {value:g}" for key, value in compression["worst_atom"].items())
    return [
        f"Rank {compression['rank']} keeps {100 * compression['energy_kept']:.6g} % of the "
        f"atoms' energy, but leaves out {100 * compression['worst_residual']:.2g} % of the norm "
        f"of the worst atom ({atom})."
    ]
