"""Fast group matching: whole groups of atoms are ruled out by their mean (Cauley et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.dictionary.compressed_atoms import CompressedAtoms
from napari_mrf.dictionary.real_atoms import RealAtoms
from napari_mrf.dictionary.temporal_basis import cached_basis
from napari_mrf.errors import MRFInputError
from napari_mrf.matching.explicit.compressed import DEFAULT_ENERGY, CompressedSpace, checked_rank
from napari_mrf.matching.explicit.explicit_matcher import (
    AtomSearch,
    ConditionedAtoms,
    ExplicitMatcher,
)
from napari_mrf.matching.refining_matcher import SHARED_OPTIONS
from napari_mrf.reconstruction.method import MethodInfo, MethodOption

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.dictionary.atom_groups import AtomGroups
    from napari_mrf.matching.explicit.group_search import GroupSearch
    from napari_mrf.matching.explicit.search import CompiledSearch
    from napari_mrf.reconstruction.method import VoxelResult
    from napari_mrf.reconstruction.subspace.coefficients import Signals


PRUNINGS = ("bound", "threshold")
PUBLISHED_MARGIN = 0.005


@dataclass(frozen=True, eq=False)
class GroupedSearch(AtomSearch):
    """The search inside groups, and the exhaustive one that it is compared with."""

    space: CompressedSpace
    groups: AtomGroups
    engine: GroupSearch
    oracle: CompiledSearch

    def best_atoms(self, signals: Signals) -> NDArray[np.int64]:
        """Return the best atoms; see `AtomSearch.best_atoms`."""
        return self.engine.best_atoms(signals, *self.space.project(signals))

    def among(self, numbers: NDArray[np.int64]) -> GroupedSearch:
        """Return the search among some of the atoms; see `AtomSearch.among`."""
        engine = self.engine.among(numbers)
        return replace(self, engine=engine, oracle=self.oracle.among(numbers))

    def best_of_all(self, signals: NDArray[np.complex64]) -> NDArray[np.int64]:
        """Return the best atoms without leaving groups out."""
        projected = self.space.project(signals)
        return self.oracle.best_atoms(signals, np.ones(len(signals)), *projected)

    def describe(self, parameters: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
        """Return compression, groups and engine for the provenance."""
        sizes = [group.size for group in self.groups.members]
        return {
            "engine": self.engine.engine,
            "real_valued": self.engine.are_real,
            "compression": self.space.atoms.describe(parameters),
            "groups": {
                "n": len(sizes),
                "largest": max(sizes),
                "median_radius_deg": float(np.degrees(np.median(self.groups.radii))),
            },
        }


class GroupMatcher(ExplicitMatcher[GroupedSearch]):
    """Matching inside the groups of similar atoms that their means do not rule out.

    On a sample of up to some thousand voxels the answer is compared with that of exhaustive
    matching; how many agree stands in the provenance.

    Parameters
    ----------
    sequence : Sequence
        Any kind.
    groups : int
        Number of groups; 0 takes twice the square root of the number of atoms.
    pruning : {"bound", "threshold"}
        Groups that a bound proves not to hold the best atom, or those whose mean correlates
        much less than the best mean, as published.
    margin : float
        Of the threshold: share below the best mean's correlation, 0-1.
    energy, rank
        Of the compressed space, see `CompressedMatcher`.
    **given
        Device, dictionary, refinement and conditioning, see `ExplicitMatcher`. The search runs
        on the CPU whatever the device.

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
                help="Number of groups of similar atoms; 0 takes twice the square root of "
                "the number of atoms.",
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
            *SHARED_OPTIONS,
        ),
        takes_b1=True,
    )
    matches_coefficients = True

    def __init__(
        self,
        sequence: Sequence,
        *,
        groups: int = 0,
        pruning: str = "bound",
        margin: float = PUBLISHED_MARGIN,
        energy: str | float = DEFAULT_ENERGY,
        rank: int = 0,
        **given: Any,
    ) -> None:
        super().__init__(sequence, **given)
        check_pruning(groups, pruning, margin)
        self._energy, self._rank = checked_rank(energy, rank, self._kept.size)
        self._n_groups, self._pruning, self._margin = groups, pruning, margin
        self._agreement: dict[str, Any] = {}

    def describe(self) -> dict[str, Any]:
        """Return dictionary, groups and agreement with exhaustive matching for the provenance."""
        record = super().describe() | {"device": "cpu", "pruning": self._pruning}
        if self._pruning == "threshold":
            record["margin"] = self._margin
        if self._agreement:
            record["exactness"] = self._agreement
        return record

    def preparing_search(self, atoms: ConditionedAtoms) -> Generator[None, None, GroupedSearch]:
        """Compress the atoms and group them."""
        from napari_mrf.dictionary.atom_groups import AtomGroups
        from napari_mrf.matching.explicit.group_search import GroupSearch
        from napari_mrf.matching.explicit.search import CompiledSearch

        yield
        basis = cached_basis(self.sequence, atoms.signals, atoms.norms)
        yield
        rank = self._rank or basis.rank_for(self._energy)
        compressed = CompressedAtoms.of(atoms.signals, atoms.norms, basis, rank)
        n_atoms = len(atoms.signals)
        n_groups = min(self._n_groups or round(2.0 * n_atoms**0.5), n_atoms)
        groups = yield from AtomGroups.building(compressed.coefficients, n_groups)
        margin = self._margin if self._pruning == "threshold" else None
        rows = RealAtoms.of(compressed.coefficients, (atoms.norms > 0).astype(np.float64))
        self._fit_chunk(2 * rows.rows.size)
        return GroupedSearch(
            CompressedSpace(compressed),
            groups,
            GroupSearch(compressed, atoms.exact, groups, margin),
            CompiledSearch(rows, atoms.exact, compressed.residuals),
        )

    def review(self, signals: NDArray[np.complex64], found: VoxelResult) -> list[MapsWarning]:
        """Compare a sample of voxels with exhaustive matching."""
        self._agreement = {}
        if not len(signals):
            return []
        best = self.each_b1(GroupedSearch.best_of_all, signals, found.b1)
        lost = best != self.best_atoms(signals, found.b1)
        loss = self.values_of(best, signals).quality - found.quality
        self._agreement = {
            "voxels": len(signals),
            "same_atom": int(np.sum(~lost)),
            "largest_loss_of_correlation": float(loss[lost].max(initial=0.0)),
        }
        return what_was_lost(self._agreement)


def check_pruning(groups: int, pruning: str, margin: float) -> None:
    """Refuse numbers of groups, prunings and margins that cannot be."""
    if pruning not in PRUNINGS:
        raise MRFInputError(
            "unknown-option",
            f"the pruning {pruning!r} is not known",
            expected=" or ".join(PRUNINGS),
        )
    if groups != int(groups) or groups < 0:
        raise MRFInputError(
            "bad-option",
            "the number of groups is out of range",
            expected="1 or more, or 0 to choose it automatically",
            found=groups,
        )
    if not 0.0 <= margin < 1.0:
        raise MRFInputError(
            "bad-option",
            "the margin of pruning is out of range",
            expected="0 or more, below 1",
            found=margin,
        )


def what_was_lost(agreement: dict[str, Any]) -> list[MapsWarning]:
    """Warn where pruning lost the best atom of sampled voxels."""
    lost = agreement["voxels"] - agreement["same_atom"]
    if not lost:
        return []
    message = (
        f"Pruning by threshold lost the best atom in {lost:,} of {agreement['voxels']:,} sampled "
        f"voxels ({100 * lost / agreement['voxels']:.2g} %), and with it up to "
        f"{agreement['largest_loss_of_correlation']:.2g} of correlation. Pruning by bound loses "
        "none."
    )
    return [MapsWarning("lossy-pruning", message, voxels=lost)]
