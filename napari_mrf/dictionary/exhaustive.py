"""Exhaustive matching: the atom of largest normalised inner product (Ma et al. 2013)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.conditioning import OPTIONS as CONDITIONING_OPTIONS
from napari_mrf.conditioning import Conditioning
from napari_mrf.dictionary.explicit_matcher import ExplicitMatcher, default_grid
from napari_mrf.dictionary.real_atoms import RealAtoms, norms_of
from napari_mrf.dictionary.refining_matcher import REFINEMENT_OPTIONS
from napari_mrf.method import MethodInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.dictionary.atom_search_torch import TorchSearch
    from napari_mrf.dictionary.atoms import Dictionary
    from napari_mrf.dictionary.best_atom_search import CompiledSearch
    from napari_mrf.sequence import Sequence

__all__ = ["ExhaustiveMatcher", "default_grid"]


class ExhaustiveMatcher(ExplicitMatcher):
    """Compare every fingerprint with every atom of an explicit dictionary.

    The oracle of the other matchers: nothing is pruned or compressed. On the CPU the answer is
    the exact maximum over the atoms in float64, the first of equal ones.

    Parameters
    ----------
    sequence : Sequence
        Any kind.
    device : str
        Where the products are computed.
    dictionary : Dictionary, optional
        Made for the same sequence; by default that of `default_grid`, cached on disk.
    refine, prior, sigma
        See `RefiningMatcher`.
    frames, window, smooth, conjugate
        See `Conditioning`; applied to the series and, where it matters, to the atoms alike.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"`` for a dictionary of another sequence, ``"no-device"``.
    """

    info = MethodInfo(
        name="exhaustive",
        title="exhaustive matching",
        kind="matcher",
        sequence_kinds=(),
        paper="Ma et al., Nature 2013",
        options=(*REFINEMENT_OPTIONS, *CONDITIONING_OPTIONS),
    )

    def __init__(
        self,
        sequence: Sequence,
        *,
        device: str = "auto",
        dictionary: Dictionary | None = None,
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
        self._search: CompiledSearch | TorchSearch | None = None

    def describe(self) -> dict[str, Any]:
        """Return dictionary, engine and device for the provenance."""
        record = super().describe()
        if self._search is not None:
            record |= {"engine": self._search.engine, "real_valued": self._search.are_real}
        return record

    def preparing_search(
        self, atoms: NDArray[np.complex64], norms: NDArray[np.float64]
    ) -> Iterator[None]:
        """Make the rows that are multiplied."""
        from napari_mrf.dictionary.atom_search_state import ExactAtoms
        from napari_mrf.dictionary.atom_search_torch import TorchSearch
        from napari_mrf.dictionary.best_atom_search import CompiledSearch

        yield
        rows = RealAtoms.of(atoms, norms)
        if self.device.type == "cpu":
            self._search = CompiledSearch(rows, ExactAtoms(atoms, norms))
        else:
            self._search = TorchSearch(rows, self.device)
        self._fit_chunk(2 * rows.rows.size)

    def best_atoms(self, signals: NDArray[np.complex64]) -> NDArray[np.int64]:
        """Return the best atoms over all frames; see `ExplicitMatcher.best_atoms`."""
        assert self._search is not None  # noqa: S101 - made by prepare
        return self._search.best_atoms(signals, norms_of(signals))
