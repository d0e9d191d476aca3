"""Exhaustive matching: the atom of largest normalized inner product (Ma et al. 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_mrf.dictionary.real_atoms import RealAtoms, norms_of
from napari_mrf.matching.explicit.explicit_matcher import (
    AtomSearch,
    ConditionedAtoms,
    ExplicitMatcher,
    default_grid,
)
from napari_mrf.matching.refining_matcher import SHARED_OPTIONS
from napari_mrf.reconstruction.method import MethodInfo

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.matching.explicit.search import CompiledSearch
    from napari_mrf.matching.explicit.search_torch import TorchSearch

__all__ = ["ExhaustiveMatcher", "default_grid"]


@dataclass(frozen=True, eq=False)
class FullSearch(AtomSearch):
    """The search through all atoms over all frames."""

    engine: CompiledSearch | TorchSearch

    def best_atoms(self, signals: NDArray[np.complex64]) -> NDArray[np.int64]:
        """Return the best atoms; see `AtomSearch.best_atoms`."""
        return self.engine.best_atoms(signals, norms_of(signals))

    def among(self, numbers: NDArray[np.int64]) -> FullSearch:
        """Return the search among some of the atoms; see `AtomSearch.among`."""
        return FullSearch(self.engine.among(numbers))

    def describe(self, parameters: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
        """Return the engine for the provenance."""
        return {"engine": self.engine.engine, "real_valued": self.engine.are_real}


class ExhaustiveMatcher(ExplicitMatcher[FullSearch]):
    """Compare every fingerprint with every atom of an explicit dictionary.

    The oracle of the other matchers: nothing is pruned or compressed. On the CPU the answer is
    the exact maximum over the atoms in float64, the first of equal ones.

    Parameters
    ----------
    sequence : Sequence
        Any kind.
    **given
        Device, dictionary, refinement and conditioning, see `ExplicitMatcher`.

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
        options=SHARED_OPTIONS,
        takes_b1=True,
    )

    def preparing_search(self, atoms: ConditionedAtoms) -> Generator[None, None, FullSearch]:
        """Make the rows that are multiplied."""
        from napari_mrf.matching.explicit.search import CompiledSearch
        from napari_mrf.matching.explicit.search_torch import TorchSearch

        yield
        rows = RealAtoms.of(atoms.signals, atoms.norms)
        self._fit_chunk(2 * rows.rows.size)
        if self.device.type != "cpu":
            return FullSearch(TorchSearch(rows, self.device))
        return FullSearch(CompiledSearch(rows, atoms.exact))
