"""From a grid answer to continuous values with their uncertainty, whatever the signal model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from napari_mrf.dictionary.real_atoms import interleaved, norms_of
from napari_mrf.matching.refinement.prior import range_prior
from napari_mrf.reconstruction.edges import edge_flags
from napari_mrf.reconstruction.method import VoxelResult, in_single_precision
from napari_mrf.reconstruction.subspace.coefficients import Coefficients, TimeVectors, frames_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.matching.refinement.prior import Prior
    from napari_mrf.reconstruction.conditioning import Conditioning
    from napari_mrf.reconstruction.subspace.coefficients import Signals
    from napari_mrf.reconstruction.voxel_noise import VoxelNoise


@dataclass(frozen=True, eq=False)
class SignalTables:
    """Tables of a signal model of P - 2 tissue parameters, as Levenberg-Marquardt reads them.

    Parameters
    ----------
    model : tuple of ndarray
        For the model's own `linearize`.
    basis : ndarray
        (K, R) real, orthonormal, of all signals over the frames used.
    phase : complex
        What signals are divided by to be combinations of the basis, of size 1.
    lower, upper : ndarray
        (P - 2,) limits of the tissue parameters.
    scales : ndarray
        (P - 2,) steps that matter.
    groups : ndarray
        (K,) number of each frame's group; within one, signals change slowly.
    signs : ndarray
        (K,) 1 or -1, what to multiply frames by to make that so.
    """

    model: tuple[NDArray[Any], ...]
    basis: NDArray[np.float64]
    phase: complex
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    scales: NDArray[np.float64]
    groups: NDArray[np.int64]
    signs: NDArray[np.float64]


_MAX_STEPS = 30
# Of a scale: how close to a limit is on it. The kernel takes smaller steps for none.
_CLOSE = 1e-4
# Slow noise far above the residual is misfit (partial volume, motion), not a noise level.
_COLORS = (0.05, 4.0)
_LONGEST_RUN, _SHORTEST_RUN = 8, 4


class Refinement(ABC):
    """Levenberg-Marquardt with a Gaussian prior from the grid answer of each voxel.

    The maximum a posteriori estimate lies on the Cramér-Rao bound at the noise levels of
    measurements (`docs/results.md`); the inverse of Fisher information plus prior precision is
    the covariance of a voxel.

    Parameters
    ----------
    sequence : Sequence
        Of the model's kind.
    conditioning : Conditioning
        Frames used and averaging in time.

    Raises
    ------
    ImportError
        Without numba.
    ValueError
        When the sequence does not allow it.
    """

    keys: ClassVar[tuple[str, ...]]
    """The tissue parameters in the order of theta; M0 follows."""
    b1_range: ClassVar[tuple[float, float] | None] = None
    """Relative B1 that the tables cover, where it is among the parameters."""

    def __init__(self, sequence: Sequence, conditioning: Conditioning) -> None:
        from napari_mrf.matching.refinement.levenberg_marquardt_kernel import refine_voxels
        from napari_mrf.matching.tables.spline_kernel import project

        self._refine_voxels, self._project = refine_voxels, project
        self._sequence = sequence
        # Averaging quietens the frames, but not the slow noise that signals compete with: the
        # standard deviations are those of the unaveraged noise.
        averaging = conditioning.averaging(sequence)
        self._averaging = averaging
        self._gain = 1.0 if averaging is None else float(np.sum(averaging**2) / len(averaging))
        self._inflation = self._gain**-0.5
        self._share = conditioning.independent_share(sequence)
        self.noise_colour = 1.0
        self._tables = self._make_tables(conditioning)
        self._basis = TimeVectors(self._tables.basis.T)

    @abstractmethod
    def _make_tables(self, conditioning: Conditioning) -> SignalTables:
        """Make the tables of the signal model for the frames used."""

    @abstractmethod
    def _signals(self, values: dict[str, NDArray[np.float64]]) -> NDArray[np.complex128]:
        """Return the signals (N, K) of tissue values (N,) by key, for M0 = 1."""

    def learn_noise(self, signals: NDArray[np.complex64], found: VoxelResult) -> None:
        """Learn from a sample how the noise is colored in time.

        Signals change slowly from frame to frame; undersampling streaks do not. The residual
        of a fit therefore overstates the noise that reaches the parameters, and with it the
        pull of the prior and the standard deviations. The power of the residual's means over
        8 frames, beside that of its frames, tells by how much; for white noise it is as
        expected and nothing changes.

        Parameters
        ----------
        signals : ndarray
            (N, K) fingerprints of the sample.
        found : VoxelResult
            Their grid answers.
        """
        runs = _runs(self._tables.groups)
        if not runs:
            return
        fits = self.refine(signals, found, range_prior(self._sequence.kind))
        values = {key: fits.parameters[key].astype(np.float64) for key in self.keys}
        residual = signals - fits.m0[:, None] * self._signals(values)
        residual = residual / norms_of(signals)[:, None]
        means = np.array([np.isin(np.arange(signals.shape[1]), run) / len(run) for run in runs])
        means *= self._tables.signs
        lengths = np.array([len(run) for run in runs])
        slow = np.abs(residual @ means.T) ** 2 @ lengths / len(runs)
        fast = np.mean(np.abs(residual) ** 2, axis=1)
        good = fits.quality >= np.median(fits.quality)
        # What white noise would give after the same averaging and fit: as many numbers of the
        # slow part as there are parameters are taken up by them.
        n_slow = min(2 * len(runs), 2 * signals.shape[1] * self._share)
        filtered = means if self._averaging is None else means @ self._averaging
        white_slow = np.sum(filtered**2, axis=1) @ lengths / len(runs) * self._left(n_slow)
        white_fast = self._gain * self._left(2 * signals.shape[1] * self._share)
        ratio = float(np.median(slow[good]) / np.median(fast[good])) * white_fast / white_slow
        self.noise_colour = float(np.clip(ratio, *_COLORS))

    def refine(
        self,
        signals: Signals,
        found: VoxelResult,
        prior: Prior,
        *,
        sigma: float | None = None,
        noise: VoxelNoise | None = None,
    ) -> VoxelResult:
        """Refine the grid answers of (N, K) fingerprints.

        Parameters
        ----------
        signals : ndarray or Coefficients
            (N, K) complex64, finite and not zero.
        found : VoxelResult
            Their grid answers: where to start. B1 that was given is held.
        prior : Prior
            What is believed of the tissue.
        sigma : float, optional
            Noise standard deviation in the real and the imaginary part of the signals;
            estimated from each voxel's residual without.
        noise : VoxelNoise, optional
            What the standard deviations are those of, in place of the residual. The values
            are the same with it and without.

        Returns
        -------
        VoxelResult
            With `uncertainty` by parameter: NaN for a B1 that was held, which is not estimated,
            and conditional on it for the others. Flags tell of the limits of refinement instead
            of the grid's edges: the values are free to leave the grid. A held B1 lies on none.
        """
        tables, n, n_tissue = self._tables, len(signals), len(self.keys)
        n_frames = len(tables.basis)
        # Scaled to norm 1, so that steps and limits mean the same for every gain.
        if isinstance(signals, Coefficients):
            norms, projected = signals.norms, signals.products(self._basis)
        else:
            norms = norms_of(signals)
            projected = np.empty((n, tables.basis.shape[1]), np.complex128)
            self._project(interleaved(signals), norms, tables.basis, projected)
        projected /= tables.phase
        first = self._first_scale(signals, found) / norms
        start = np.stack(
            [*(found.parameters[key].astype(np.float64) for key in self.keys),
             first.real, first.imag], axis=1,
        )  # fmt: skip
        held = np.full(start.shape, np.nan)
        if found.b1 is not None:
            held[:, self.keys.index("B1")] = found.b1
        mean, precision = prior.as_arrays(self.keys)
        infinite = np.full(2, np.inf)
        theta, deviation = np.zeros((n, n_tissue + 2)), np.zeros((n, n_tissue + 1))
        misfit, steps = np.zeros(n), np.zeros(n, np.int64)
        left = self._left(2 * n_frames) / self._left(2 * n_frames * self._share)
        rank, level = tables.basis.shape[1], np.zeros(n)
        factors, inflation = np.zeros((rank, 0), np.complex128), self._inflation
        if noise is not None:
            factors = np.ascontiguousarray(tables.basis.T @ noise.factors / tables.phase)
            level, inflation = noise.scale / norms, 1.0
        self._refine_voxels(
            projected, 2 * n_frames, self.noise_colour * left, start, held,
            np.full(n, -1.0) if sigma is None else sigma * self._gain**0.5 / norms,
            tables.model, np.append(mean, [0.0, 0.0]), np.append(precision, [0.0, 0.0]),
            np.append(tables.lower, -infinite), np.append(tables.upper, infinite), tables.scales,
            _MAX_STEPS, factors, level, theta, deviation, misfit, steps,
        )  # fmt: skip
        m0 = (theta[:, n_tissue] + 1j * theta[:, n_tissue + 1]) * norms
        values = dict(zip(self.keys, theta.T, strict=False))
        deviation *= inflation
        deviations = dict(zip(self.keys, deviation.T, strict=False))
        if "PD" in self._sequence.parameters:
            values["PD"] = np.asarray(np.abs(m0))
            deviations["PD"] = deviation[:, n_tissue] * norms
        order = [key for key in self._sequence.parameters if key in values]
        return VoxelResult(
            parameters={key: in_single_precision(values[key]) for key in order},
            quality=np.sqrt(np.clip(1.0 - misfit, 0.0, 1.0)).astype(np.float32),
            m0=in_single_precision(m0),
            flags=edge_flags(self._on_limits(theta, held), values),
            uncertainty={key: in_single_precision(deviations[key]) for key in order},
            b1=found.b1,
        )

    def _first_scale(self, signals: Signals, found: VoxelResult) -> NDArray[np.complex128]:
        """Return M0 (N,) of the grid answers; by least squares where float32 could not hold it."""
        scale = found.m0.astype(np.complex128)
        lost = ~np.isfinite(scale) | (scale == 0)
        if lost.any():
            values = {key: found.parameters[key][lost].astype(np.float64) for key in self.keys}
            model = self._signals(values)
            product = np.sum(model.conj() * frames_of(signals[lost]), axis=1)
            scale[lost] = product / np.sum(np.abs(model) ** 2, axis=1)
        return scale

    def _on_limits(
        self, theta: NDArray[np.float64], held: NDArray[np.float64]
    ) -> dict[str, NDArray[np.bool_]]:
        """Return by key whether refinement ended on a limit (N,), to the step that counts."""
        tables = self._tables
        on_limit = {}
        for p, key in enumerate(self.keys):
            close = _CLOSE * tables.scales[p]
            value = theta[:, p]
            on = (value <= tables.lower[p] + close) | (value >= tables.upper[p] - close)
            on_limit[key] = on & np.isnan(held[:, p])
        return on_limit

    def _left(self, n_samples: float) -> float:
        """Share of the power of noise that is left after the parameters took up theirs."""
        return max(1.0 - (len(self.keys) + 2) / n_samples, 0.1)


def _runs(groups: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Return runs of up to 8 consecutive frames of one group, each of at least 4."""
    runs = []
    borders = np.flatnonzero(np.diff(groups)) + 1
    for part in np.split(np.arange(groups.size), borders):
        cut = np.split(part, range(_LONGEST_RUN, part.size, _LONGEST_RUN))
        runs += [run for run in cut if run.size >= _SHORTEST_RUN]
    return runs
