"""Gradient delays of radial scans, estimated from what was measured.

Gradients answer late, each axis by some part of a sample, so a spoke is measured beside its
nominal place: shifted by a vector that turns with it, the other way round on the way back.
Spokes that cross contradict each other then. Images of few voxels are fitted to the center of
k-space together with the shift that leaves the least contradiction. They are coefficient images
of the temporal subspace, for each coil by itself: contrast and phase may change from spoke to
spoke, and no two spokes need to be opposite.

References
----------
Rosenzweig et al., MRM 2019, doi 10.1002/mrm.27506 (crossings of spokes); Block and Uecker, ISMRM
2011, 2816 (shift along a spoke); Golub and Pereyra, 1973, doi 10.1137/0710036 (variable
projection).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from napari_mrf.compute.threads import indices_in_order
from napari_mrf.kspace import nufft
from napari_mrf.kspace.delays.spokes import N_SHIFTS, of_axes

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.kspace.delays.spokes import Spokes

_MATRIX = 16
_ACCURACY = 1e-5  # of the transforms
_COEFFICIENTS = 4
# Of k-space of the small matrix; beyond, its voxels cannot follow the object.
_INSIDE = 0.45
# Of the mean sample density: silent coefficients and places are not solved for.
_WEIGHT = 1e-3
_CLOSE, _MOST_STEPS = 0.002, 12  # samples
_DEVIATIONS, _LEAST_SHIFT = 5.0, 0.02  # smaller shifts do not change maps


@dataclass(frozen=True, eq=False)
class DelayEstimate:
    """The shift of spokes; see `Spokes.shifted`.

    Parameters
    ----------
    shifts : ndarray
        (6,) samples.
    deviations : ndarray
        (6,) their standard deviations, from how spokes contradict what was fitted.
    converged : bool
        Whether the fit came to an end.
    """

    shifts: NDArray[np.float64]
    deviations: NDArray[np.float64]
    converged: bool

    @property
    def detected(self) -> bool:
        """Whether there is a shift beyond its uncertainty that is worth a correction."""
        beyond = np.abs(self.shifts) > np.maximum(_DEVIATIONS * self.deviations, _LEAST_SHIFT)
        return bool(self.converged and beyond.any())


def estimating_delays(
    samples: NDArray[np.complexfloating],
    basis: NDArray[np.complexfloating],
    coordinates: NDArray[np.floating],
    shape: tuple[int, int],
    spokes: Spokes,
    *,
    workers: int | None = None,
) -> Generator[None, None, DelayEstimate]:
    """Estimate the shift of spokes; every yield is a chance to cancel.

    Parameters
    ----------
    samples : ndarray
        (coils, readouts, samples) complex64 of equal, independent noise; a few virtual coils
        are enough.
    basis : ndarray
        (readouts, K) complex: the temporal basis at the pulse of each readout; the first four
        coefficients are used.
    coordinates : ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel, nominal.
    shape : tuple of int
        (Y, X) of the images.
    spokes : Spokes
        Of the coordinates.
    workers : int, optional
        Threads; results do not depend on it.

    Returns
    -------
    DelayEstimate
    """
    shifts = _of_peaks(samples, coordinates, spokes)
    scale = max(shape) / _MATRIX
    # Shifts beyond the small k-space itself would leave nothing to fit.
    most = 0.25 / (scale * spokes.step)
    near = np.abs(coordinates).max(axis=-1) * scale < 1.0
    columns = np.flatnonzero(near.any(axis=0))
    coordinates, samples = coordinates[:, columns], samples[:, :, columns]
    deviations = np.full(N_SHIFTS, np.inf)
    for _ in range(_MOST_STEPS):
        if not np.abs(shifts).max() < most:
            break
        places = scale * spokes.shifted(coordinates, shifts)
        center = _Center(basis[:, :_COEFFICIENTS], places)
        yield
        responses = scale * spokes.step * spokes.responses()
        parts = indices_in_order(
            lambda coil: center.compared(samples[coil], responses), len(samples), workers=workers  # noqa: B023 - used at once
        )  # fmt: skip
        curvature, pull = np.zeros((N_SHIFTS, N_SHIFTS)), np.zeros((N_SHIFTS, len(basis)))
        for of_coil, pulled in parts:
            curvature += of_coil
            pull += pulled
            yield
        size = np.sqrt(np.diag(curvature))
        if not size.all() or np.linalg.cond(curvature / np.outer(size, size)) > 1e8:
            break  # too few directions
        inverse = np.linalg.inv(curvature)
        change = inverse @ pull.sum(axis=1)
        shifts = shifts + change
        # Spokes by themselves: what is left over of one is no white noise.
        deviations = np.sqrt(np.diag(inverse @ (pull @ pull.T) @ inverse))
        if np.abs(change).max() < _CLOSE:
            return DelayEstimate(shifts, deviations, converged=True)
    return DelayEstimate(shifts, deviations, converged=False)


def _of_peaks(
    samples: NDArray[np.complexfloating], coordinates: NDArray[np.floating], spokes: Spokes
) -> NDArray[np.float64]:
    """Return the shift that the peaks of spokes tell: near enough to start from.

    Where a smooth phase of the object moves the peak, it moves that of the opposite spoke to
    the other side: the shift of delays has the same sign there.
    """
    power = np.zeros(samples.shape[1:])
    for coil in samples:
        power += np.abs(coil) ** 2
    power **= 2  # the peak, not the noise
    total = power.sum(axis=1)
    along = np.einsum("rnd,rd->rn", coordinates, spokes.directions) / spokes.step
    center = (power * along).sum(axis=1) / np.maximum(total, np.finfo(float).tiny)
    y, x = spokes.directions.T
    columns = np.stack([x * x, y * y, 2 * x * y, x, y], axis=1)
    weights = np.sqrt(total / total.max()) if total.any() else total
    found = np.linalg.lstsq(columns * weights[:, None], -center * weights, rcond=None)[0]
    return of_axes(*found[:3])


class _Center:
    """Coefficient images of few voxels and the center of k-space: dense equations.

    Parameters
    ----------
    basis : ndarray
        (readouts, K) complex.
    places : ndarray
        (readouts, samples, 2) in cycles/voxel of the small matrix; those beyond it do not count.
    """

    def __init__(self, basis: NDArray[np.complexfloating], places: NDArray[np.floating]) -> None:
        self._counts = np.abs(places).max(axis=-1) < _INSIDE
        self._places = np.where(self._counts[..., None], places, 0.0)
        self._basis = np.asarray(basis, np.complex64)
        rank = self._basis.shape[1]
        products = self._basis.conj()[:, :, None] * self._basis[:, None, :]
        weighted = products.reshape(len(products), -1).T[..., None] * self._counts
        wide = (2 * _MATRIX, 2 * _MATRIX)
        found = nufft.adjoint(weighted.astype(np.complex64), self._places, wide, epsilon=_ACCURACY)
        index = np.arange(_MATRIX)
        apart = index[:, None] - index + _MATRIX
        y, x = apart[:, None, :, None], apart[None, :, None, :]
        blocks = found[:, y, x].reshape(rank, rank, _MATRIX**2, _MATRIX**2)
        matrix = blocks.transpose(0, 2, 1, 3).reshape(rank * _MATRIX**2, -1)
        weight = _WEIGHT * float(self._counts.sum() * np.mean(np.abs(self._basis) ** 2))
        matrix[np.diag_indices(len(matrix))] += weight
        self._factor = cho_factor(matrix, overwrite_a=True, check_finite=False)

    def compared(
        self, samples: NDArray[np.complexfloating], responses: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fit the images of a coil, and compare what they leave with what shifts would do.

        Parameters
        ----------
        samples : ndarray
            (readouts, samples) complex.
        responses : ndarray
            (6, readouts, 2): the move of each spoke for each shift.

        Returns
        -------
        curvature : ndarray
            (6, 6), of half the sum of squares over the shifts, images fitted.
        pull : ndarray
            (6, readouts), its fall along each shift, by readout.
        """
        samples = samples * self._counts
        images = self._fitted(samples[None])
        left = samples - self._forward(images)[0]
        index = np.arange(_MATRIX) - _MATRIX // 2
        moved = np.concatenate([images * index[:, None], images * index])
        slopes = -2j * np.pi * self._forward(moved)
        effects = np.einsum("prd,drn->prn", responses, slopes).astype(np.complex64)
        # The images would follow a part of each effect.
        apart = effects - self._forward(self._fitted(effects))
        curvature = np.einsum("prn,qrn->pq", apart.conj(), apart).real
        return curvature, np.einsum("prn,rn->pr", apart.conj(), left).real

    def _fitted(self, samples: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
        """Return the images (some, K, y, x) that fit samples (some, readouts, samples) best."""
        rank = self._basis.shape[1]
        weighted = samples[:, None] * self._basis.T.conj()[..., None]
        right = nufft.adjoint(
            weighted.reshape(-1, *samples.shape[1:]).astype(np.complex64), self._places,
            (_MATRIX, _MATRIX), epsilon=_ACCURACY,
        )  # fmt: skip
        solved = cho_solve(self._factor, right.reshape(len(samples), -1).T, check_finite=False)
        return np.asarray(solved.T.reshape(-1, rank, _MATRIX, _MATRIX), np.complex64)

    def _forward(self, images: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
        """Return the samples (some, readouts, samples) of images (some, K, y, x)."""
        some, rank = images.shape[:2]
        flat = images.reshape(-1, _MATRIX, _MATRIX).astype(np.complex64)
        seen = nufft.forward(flat, self._places, epsilon=_ACCURACY)
        seen = seen.reshape(some, rank, *self._places.shape[:2])
        return np.asarray(np.einsum("rk,skrn->srn", self._basis, seen) * self._counts)
