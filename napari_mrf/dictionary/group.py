"""Fast group matching: whole groups of atoms are ruled out by their mean (Cauley et al. 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.conditioning import OPTIONS as CONDITIONING_OPTIONS
from napari_mrf.conditioning import Conditioning
from napari_mrf.dictionary.compressed import DEFAULT_ENERGY, checked_rank
from napari_mrf.dictionary.compressed_atoms import CompressedAtoms
from napari_mrf.dictionary.explicit_matcher import ExplicitMatcher
from napari_mrf.dictionary.group_pruning import (
    PRUNINGS,
    PUBLISHED_MARGIN,
    check_pruning,
    what_was_lost,
)
from napari_mrf.dictionary.real_atoms import RealAtoms, norms_of
from napari_mrf.dictionary.refining_matcher import REFINEMENT_OPTIONS
from napari_mrf.dictionary.temporal_basis import cached_basis
from napari_mrf.method import MethodInfo, MethodOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.dictionary.atom_groups import AtomGroups
    from napari_mrf.dictionary.atoms import Dictionary
    from napari_mrf.dictionary.best_atom_search import CompiledSearch
    from napari_mrf.dictionary.group_search import GroupSearch
    from napari_mrf.method import VoxelResult
    from napari_mrf.sequence import Sequence


class GroupMatcher(ExplicitMatcher):
    """Matching inside the groups of similar atoms that their means do not rule out.

    On a sample of up to some thousand voxels the answer is compared with that of exhaustive
    matching; how many agree stands in the provenance.

    Parameters
    ----------
    sequence : Sequence
        Any kind.
    device : str
        Only for the record: the search runs on the CPU.
    dictionary : Dictionary, optional
        Made for the same sequence; by default that of `default_grid`, cached on disk.
    groups : int
        Number of groups; 0 takes twice the root of the number of atoms.
    pruning : {"bound", "threshold"}
        Groups that a bound proves not to hold the best atom, or those whose mean correlates
        much less than the best mean, as published.
    margin : float
        Of the threshold: share below the best mean's correlation, 0-1.
    energy, rank
        Of the compressed space, see `CompressedMatcher`.
    refine, prior, sigma
        See `RefiningMatcher`.
    frames, window, smooth, conjugate
        See `Conditioning`; applied to the series and, where it matters, to the atoms alike.

    Raises
    ------
    MRFInputError
        ``"wrong-sequence"``, ``"no-device"``, ``"bad-option"``, ``"unknown-option"``.

    References
    ----------
    Cauley et al., MRM 2015, doi 10.1002/mrm.25439 (groups of equal size, pruning by the mean
    with a threshold, search in a compressed space). The bound is ours.
    """

    info = MethodInfo(
        name="group",
        title="fast group matching",
        kind="matcher",
        sequence_kinds=(),
        paper="Cauley et al., MRM 2015",
        options=(
            MethodOption(
                name="groups",
                kind="int",
                default=0,
                label="Groups",
                help="Number of groups of similar atoms; 0 takes twice the root of the number "
                "of atoms.",
                limits=(0, 100_000),
            ),
            MethodOption(
                name="pruning",
                kind="choice",
                default="bound",
                label="Pruning",
                help="bound: only groups that cannot hold the best atom are left out. "
                "threshold: as published, all groups whose mean correlates 0.5 % less than the "
                "best mean; faster in noise, and some voxels get another atom.",
                choices=PRUNINGS,
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
        groups: int = 0,
        pruning: str = "bound",
        margin: float = PUBLISHED_MARGIN,
        energy: str | float = DEFAULT_ENERGY,
        rank: int = 0,
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
        check_pruning(groups, pruning, margin)
        self._energy, self._rank = checked_rank(energy, rank, self._kept.size)
        self._n_groups, self._pruning, self._margin = groups, pruning, margin
        self._compressed: CompressedAtoms | None = None
        self._groups: AtomGroups | None = None
        self._search: GroupSearch | None = None
        self._oracle: CompiledSearch | None = None
        self._agreement: dict[str, Any] = {}

    def describe(self) -> dict[str, Any]:
        """Return dictionary, groups and agreement with exhaustive matching for the provenance."""
        record = super().describe() | {"device": "cpu", "pruning": self._pruning}
        if self._pruning == "threshold":
            record["margin"] = self._margin
        if self._search is not None and self._groups is not None and self._compressed is not None:
            assert self._dictionary is not None  # noqa: S101 - made by prepare
            sizes = [group.size for group in self._groups.members]
            record |= {
                "engine": self._search.engine,
                "real_valued": self._search.are_real,
                "compression": self._compressed.describe(self._dictionary.parameters),
                "groups": {
                    "n": len(sizes),
                    "largest": max(sizes),
                    "median_radius_deg": float(np.degrees(np.median(self._groups.radii))),
                },
            }
        if self._agreement:
            record["exactness"] = self._agreement
        return record

    def preparing_search(
        self, atoms: NDArray[np.complex64], norms: NDArray[np.float64]
    ) -> Iterator[None]:
        """Compress the atoms and group them."""
        from napari_mrf.dictionary.atom_groups import AtomGroups
        from napari_mrf.dictionary.atom_search_state import ExactAtoms
        from napari_mrf.dictionary.best_atom_search import CompiledSearch
        from napari_mrf.dictionary.group_search import GroupSearch

        yield
        basis = cached_basis(self.sequence, atoms, norms)
        yield
        rank = self._rank or basis.rank_for(self._energy)
        self._compressed = compressed = CompressedAtoms.of(atoms, norms, basis, rank)
        n_groups = self._n_groups or round(2.0 * len(atoms) ** 0.5)
        for groups in AtomGroups.building(compressed.coefficients, min(n_groups, len(atoms))):
            self._groups = groups
            yield
        assert self._groups is not None  # noqa: S101 - the last one yielded
        exact = ExactAtoms(atoms, norms)
        margin = self._margin if self._pruning == "threshold" else None
        self._search = GroupSearch(compressed, exact, self._groups, margin)
        rows = RealAtoms.of(compressed.coefficients, (norms > 0).astype(np.float64))
        self._oracle = CompiledSearch(rows, exact, compressed.residuals)
        self._fit_chunk(2 * rows.rows.size)

    def best_atoms(self, signals: NDArray[np.complex64]) -> NDArray[np.int64]:
        """Return the best atoms; see `ExplicitMatcher.best_atoms`."""
        assert self._compressed is not None  # noqa: S101 - made by prepare
        assert self._search is not None  # noqa: S101
        return self._search.best_atoms(
            signals, *self._compressed.project(signals, norms_of(signals))
        )

    def review(self, signals: NDArray[np.complex64], found: VoxelResult) -> list[str]:
        """Compare a sample of voxels with exhaustive matching."""
        self._agreement = {}
        if not len(signals):
            return []
        assert self._compressed is not None  # noqa: S101 - made by prepare
        assert self._oracle is not None  # noqa: S101
        ones = np.ones(len(signals))
        compressed = self._compressed.project(signals, norms_of(signals))
        best = self._oracle.best_atoms(signals, ones, *compressed)
        lost = best != self.best_atoms(signals)
        loss = self.values_of(best, signals).quality - found.quality
        self._agreement = {
            "voxels": len(signals),
            "same_atom": int(np.sum(~lost)),
            "largest_loss_of_correlation": float(loss[lost].max(initial=0.0)),
        }
        return what_was_lost(self._agreement)
