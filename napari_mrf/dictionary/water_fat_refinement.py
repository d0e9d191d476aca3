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
# Slow noise far above the residual is misfit (partial volume, motion), not a noise level.
_COLOURS = (0.05, 4.0)
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
        echo_times_ms, segment, water, fat = segment_weights(
            dictionary.sequence, dictionary.conditioning
        )
        self._table = table = EnvelopeTable.build(
            dictionary.sequence, segment, dictionary.conditioning
        )
        # Averaging quietens the frames, but not the slow noise that signals compete with: the
        # standard deviations are those of the unaveraged noise.
        averaging = dictionary.conditioning.averaging(dictionary.sequence)
        self._averaging = averaging
        self._gain = 1.0 if averaging is None else float(np.sum(averaging**2) / len(averaging))
        self._inflation = self._gain**-0.5
        self._share = dictionary.conditioning.independent_share(dictionary.sequence)
        self._weights = (water, fat, echo_times_ms / 1000.0)
        self._segment = segment
        self.noise_colour = 1.0
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

    def learn_noise(self, signals: NDArray[np.complex64], found: VoxelResult) -> None:
        """Learn from a sample how the noise is coloured in time.

        Signals change slowly from frame to frame; undersampling streaks do not. The residual
        of a fit therefore overstates the noise that reaches the parameters, and with it the
        pull of the prior and the standard deviations. The power of the residual's means over
        8 frames, beside that of its frames, tells by how much; for white noise it is as
        expected and nothing changes.

        Parameters
        ----------
        signals : ndarray
            (N, T) fingerprints of the sample.
        found : VoxelResult
            Their grid answers.
        """
        fits = self.refine(signals, found, range_prior())
        residual = signals - self._model(fits)
        residual = residual / np.linalg.norm(signals, axis=1, keepdims=True)
        runs = self._runs()
        means = np.array([np.isin(np.arange(signals.shape[1]), run) / len(run) for run in runs])
        lengths = np.array([len(run) for run in runs])
        slow = np.abs(residual @ means.T) ** 2 @ lengths / len(runs)
        fast = np.mean(np.abs(residual) ** 2, axis=1)
        good = fits.quality >= np.median(fits.quality)
        # What white noise would give after the same averaging and fit: seven numbers of the
        # slow part are taken up by the parameters.
        n_slow = min(2 * len(runs), 2 * signals.shape[1] * self._share)
        filtered = means if self._averaging is None else means @ self._averaging
        white_slow = np.sum(filtered**2, axis=1) @ lengths / len(runs) * _left(n_slow)
        white_fast = self._gain * _left(2 * signals.shape[1] * self._share)
        ratio = float(np.median(slow[good]) / np.median(fast[good])) * white_fast / white_slow
        self.noise_colour = float(np.clip(ratio, *_COLOURS))

    def _runs(self) -> list[NDArray[np.intp]]:
        """Return groups of up to 8 consecutive frames of one segment, each of at least 4."""
        runs = []
        borders = np.flatnonzero(np.diff(self._segment)) + 1
        for part in np.split(np.arange(self._segment.size), borders):
            runs += [run for run in np.split(part, range(8, part.size, 8)) if run.size >= 4]
        return runs

    def _model(self, fits: VoxelResult) -> NDArray[np.complex128]:
        """Return M0 times the model of the fits, (N, T)."""
        values = {key: v.astype(np.float64) for key, v in fits.parameters.items()}
        water, fat, echo_times_s = self._weights
        phases = np.exp(-2j * np.pi * np.outer(values["Df"], echo_times_s))
        fraction = values["FF"][:, None]
        mixture = (1 - fraction) * self._table.envelopes(values["T1H2O"], values["B1"]) * water[
            self._segment
        ] + fraction * self._table.envelopes(values["T1fat"], values["B1"]) * fat[self._segment]
        return np.asarray(fits.m0[:, None] * phases[:, self._segment] * mixture)

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
            projected, 2 * n_frames,
            self.noise_colour * _left(2 * n_frames) / _left(2 * n_frames * self._share), start,
            np.full(n, -1.0) if sigma is None else sigma * self._gain**0.5 / norms,
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


def _left(n_samples: float) -> float:
    """Share of the power of noise that is left after seven parameters took up theirs."""
    return max(1.0 - 7.0 / n_samples, 0.1)


def make_refinement(dictionary: WaterFatDictionary) -> tuple[WaterFatRefinement | None, list[str]]:
    """Return the refinement where it applies, else None and why."""
    try:
        return WaterFatRefinement(dictionary), []
    except (ImportError, ValueError) as reason:
        return None, [f"The values stay on the grid, without refinement: {reason}."]
