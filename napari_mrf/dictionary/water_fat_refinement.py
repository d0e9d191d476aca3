"""From the best pair on the grid to continuous values with their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.dictionary.envelope_table import B1_RANGE, T1_RANGE_MS, EnvelopeTable
from napari_mrf.dictionary.prior import KEYS, range_prior
from napari_mrf.dictionary.water_fat_factors import segment_weights
from napari_mrf.method import VoxelResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.dictionary.prior import Prior
    from napari_mrf.dictionary.water_fat_dictionary import WaterFatDictionary

_MAX_STEPS = 30
_DF_LIMIT_HZ = 500.0


class WaterFatRefinement:
    """Levenberg-Marquardt with a Gaussian prior from the grid answer of each voxel.

    The maximum a posteriori estimate lies on the Cramér-Rao bound at the noise levels of
    measurements (`docs/results.md`); the inverse of Fisher information plus prior precision is
    the covariance of a voxel.

    Parameters
    ----------
    dictionary : WaterFatDictionary
        Of a sequence that factorises.

    Raises
    ------
    ImportError
        Without numba.
    ValueError
        When the sequence does not factorise.
    """

    def __init__(self, dictionary: WaterFatDictionary) -> None:
        from napari_mrf.dictionary.water_fat_refine_kernel import refine_voxels

        self._refine_voxels = refine_voxels
        echo_times_ms, segment, water, fat = segment_weights(dictionary)
        self._table = table = EnvelopeTable.build(
            dictionary.sequence, segment, dictionary.conditioning
        )
        # Averaged frames share noise: their number counts for less.
        share = dictionary.conditioning.independent_share(dictionary.sequence)
        self._inflation = share**-0.5
        self._weights = (water, fat, echo_times_ms / 1000.0)
        self._grid = np.array(
            [table.log_t1_origin, table.log_t1_step, table.b1_origin, table.b1_step]
        )
        t1_low, t1_high = T1_RANGE_MS
        b1_low, b1_high = B1_RANGE
        infinite = np.inf
        self._lower = np.array([0.0, t1_low, t1_low, -_DF_LIMIT_HZ, b1_low, -infinite, -infinite])
        self._upper = np.array([1.0, t1_high, t1_high, _DF_LIMIT_HZ, b1_high, infinite, infinite])
        scales = range_prior().deviation
        self._scales = np.array([*(scales[key] for key in KEYS), 1.0, 1.0])

    def refine(
        self,
        signals: NDArray[np.complex64],
        found: VoxelResult,
        prior: Prior,
        *,
        sigma: float | None = None,
    ) -> VoxelResult:
        """Refine the grid answers of (N, T) fingerprints.

        Parameters
        ----------
        signals : ndarray
            (N, T) complex64, finite and not zero.
        found : VoxelResult
            Their grid answers: where to start.
        prior : Prior
            What is believed of the tissue.
        sigma : float, optional
            Noise standard deviation in the real and the imaginary part of the signals;
            estimated from each voxel's residual without.

        Returns
        -------
        VoxelResult
            With `uncertainty` by parameter. Flags of the grid's edges are gone: the values
            are free to leave the grid.
        """
        n, n_frames = signals.shape
        wide = signals.astype(np.complex128)
        # Scaled to norm 1, so that steps and limits mean the same for every gain.
        norms = np.linalg.norm(wide, axis=1)
        projected = np.ascontiguousarray((wide / norms[:, None]) @ self._table.basis)
        start = np.stack(
            [*(found.parameters[key].astype(np.float64) for key in KEYS),
             found.m0.real / norms, found.m0.imag / norms], axis=1,
        )  # fmt: skip
        mean, precision = prior.as_arrays()
        theta, deviation = np.zeros((n, 7)), np.zeros((n, 5))
        misfit, steps = np.zeros(n), np.zeros(n, np.int64)
        water, fat, echo_times_s = self._weights
        self._refine_voxels(
            projected, 2 * n_frames, start,
            np.full(n, -1.0) if sigma is None else sigma / norms,
            self._table.coefficients, self._grid, self._table.segment_of_vector,
            water, fat, echo_times_s, np.append(mean, [0.0, 0.0]),
            np.append(precision, [0.0, 0.0]), self._lower, self._upper, self._scales,
            _MAX_STEPS, theta, deviation, misfit, steps,
        )  # fmt: skip
        return VoxelResult(
            parameters={key: theta[:, c].astype(np.float32) for c, key in enumerate(KEYS)},
            quality=np.sqrt(np.clip(1.0 - misfit, 0.0, 1.0)).astype(np.float32),
            m0=((theta[:, 5] + 1j * theta[:, 6]) * norms).astype(np.complex64),
            flags=np.zeros(n, np.uint8),
            uncertainty={
                key: (deviation[:, c] * self._inflation).astype(np.float32)
                for c, key in enumerate(KEYS)
            },
        )


def make_refinement(dictionary: WaterFatDictionary) -> tuple[WaterFatRefinement | None, list[str]]:
    """Return the refinement where it applies, else None and why."""
    try:
        return WaterFatRefinement(dictionary), []
    except (ImportError, ValueError) as reason:
        return None, [f"The values stay on the grid, without refinement: {reason}."]
