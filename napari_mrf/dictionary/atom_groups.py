"""Groups of similar atoms, each with a mean that speaks for all of them (Cauley et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

# The arc cosine of a number near 1 amplifies its rounding.
_ROUNDING_RAD = 1e-6


@dataclass(frozen=True, eq=False)
class AtomGroups:
    """A partition of atoms in a compressed space.

    Parameters
    ----------
    members : tuple of ndarray
        Numbers of the atoms of each group, rising.
    means : ndarray
        (G, R) complex128 mean of each group's atoms, each turned to the phase of the others;
        of norm 1.
    radii : ndarray
        (G,) largest angle (rad) between an atom of a group and its mean.
    """

    members: tuple[NDArray[np.int64], ...]
    means: NDArray[np.complex128]
    radii: NDArray[np.float64]

    @staticmethod
    def building(
        coefficients: NDArray[np.complex128], n_groups: int
    ) -> Generator[None, None, AtomGroups]:
        """Group (A, R) atoms; yields after each group, a chance to cancel.

        An atom is taken with the atoms most correlated with it, as many as make groups of
        equal size; then, of the remaining ones, the atom least like it; and so on.

        References
        ----------
        Cauley et al., MRM 2015, doi 10.1002/mrm.25439.
        """
        norms = np.linalg.norm(coefficients, axis=1)
        unit = coefficients / np.where(norms > 0, norms, 1.0)[:, None]
        size = -(-len(unit) // n_groups)
        atoms, left = torch.from_numpy(unit), np.arange(len(unit))
        members: list[NDArray[np.int64]] = []
        seed = atoms[0]
        while left.size:
            pool = atoms[left]
            if members:
                seed = pool[(pool @ seed.conj()).abs().argmin()]
            likeness = (pool @ seed.conj()).abs()
            near = likeness.topk(min(size, left.size)).indices.numpy()
            members.append(np.sort(left[near]))
            left = np.delete(left, near)
            yield
        described = [_mean_and_radius(unit[group]) for group in members]
        means, radii = zip(*described, strict=True)
        return AtomGroups(tuple(members), np.stack(means), np.array(radii))

    def among(self, numbers: NDArray[np.int64]) -> AtomGroups:
        """Return the groups with some of their atoms; means and radii hold for those too."""
        members = [group[np.isin(group, numbers)] for group in self.members]
        kept = [number for number, group in enumerate(members) if group.size]
        return AtomGroups(
            tuple(members[number] for number in kept), self.means[kept], self.radii[kept]
        )

    def scores(self, coefficients: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return |<mean, fingerprint>| (N, G) of fingerprints (N, R)."""
        means = torch.from_numpy(self.means.conj().T.copy())
        return np.asarray((torch.from_numpy(coefficients) @ means).abs().numpy())

    def upper_bounds(
        self, scores: NDArray[np.float64], kept: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what no atom of a group can exceed, (N, G).

        An angle between a fingerprint and an atom is at least that to the mean less that
        between mean and atom: angles between complex lines obey the triangle inequality.

        Parameters
        ----------
        scores : ndarray
            (N, G) of `scores`.
        kept : ndarray
            (N,) norms of the compressed fingerprints.
        """
        cosines = np.clip(scores / np.maximum(kept, 1e-30)[:, None], 0.0, 1.0)
        nearest = np.arccos(cosines) - (self.radii + _ROUNDING_RAD)
        return np.asarray(kept[:, None] * np.cos(np.maximum(nearest, 0.0)))


def _mean_and_radius(unit: NDArray[np.complex128]) -> tuple[NDArray[np.complex128], float]:
    # The direction that the atoms have most in common tells how to turn them before the mean.
    _, vectors = np.linalg.eigh(unit.T @ unit.conj())
    inner = unit @ vectors[:, -1].conj()
    sizes = np.abs(inner)
    phases = np.divide(inner, sizes, out=np.ones_like(inner), where=sizes > 0)
    mean = (unit * phases.conj()[:, None]).mean(axis=0)
    norm = np.linalg.norm(mean)
    mean = mean / norm if norm > 0 else vectors[:, -1]
    least = float(np.abs(unit @ mean.conj()).min())
    return mean, float(np.arccos(np.clip(least, 0.0, 1.0)))
