"""Whether a series can have been measured with its sequence, and what else it can be.

Noise and undersampling artifacts differ from voxel to voxel and from frame to frame. What a wrong
sequence, a reversed axis or lost phases leave is the same everywhere and slow. So the residuals
of sample voxels, each turned by the phase of its scale, are averaged over pairs of different
voxels, along slow temporal shapes only: what is left is no noise. Each likely cause is then tried
on the same voxels, and named only where it explains them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from napari_mrf.data.maps_warning import MapsWarning
from napari_mrf.data.sequences import NAMED
from napari_mrf.reconstruction.common_fit import common_fitter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.reconstruction.common_fit import CommonFit, CommonFitter

CODE = "implausible-fit"
TOLERATED_MISFIT = 0.005
"""Slow misfit common to all voxels that is tolerated, as a share of the explained signal energy.

Valid series stay below 0.001, undersampled ones and those of a few voxels too; a reversed phase
sign of a thigh leaves 0.01 and more.
"""

_REVERSED = (
    "The series fits better with its frames in reverse order (quality {better} against {quality}): "
    "its time axis seems reversed. Turn the frames round in the file."
)
_CONJUGATED = (
    "The series fits better with the opposite phase sign (quality {better} against {quality}): its "
    "phase or frequency sign seems reversed. Try the option conjugate."
)
_MAGNITUDE = (
    "The series fits better as magnitudes (quality {better} against {quality}), and each voxel has "
    "one phase in all frames: the measured phase seems lost. Load magnitude and phase, or real and "
    "imaginary parts, together."
)
_PHASES = (
    "The series fits better when the phases of its frames are left out (quality {better} against "
    "{quality}): they seem scrambled, drifting or taken out frame by frame. Export the images "
    "without corrections of the phase."
)
_PHASES_OR_ECHOES = (
    "The series fits better when the phases of its frames are left out (quality {better} against "
    "{quality}): they seem scrambled or corrected, or the echo times are not those of {name}. "
    "Export the images without corrections of the phase, or load the sequence that was played."
)
_OTHER = (
    "The series fits {other} better than {name} (quality {better} against {quality}): it seems "
    "measured with that sequence. Choose it, and reconstruct again."
)
_SYSTEMATIC = (
    "The fit is implausible for the series as a whole (quality {quality}): what it leaves is the "
    "same in all voxels, {misfit} of the signal energy; noise and undersampling would differ. Was "
    "it measured with {name}, its TR, TE, flip angles and inversion, and are all frames in order?"
)
_NOISE = (
    "The fit is implausible for the series as a whole (quality {quality}): {name} explains it no "
    "better than noise. Check that the file is a fingerprinting series."
)

_CERTAIN, _LIKELY = 4.0, 2.5  # standard errors
_SLOW_SHARE = 12  # of the shapes of a cosine transform, one in so many counts as slow
_BLOCKS, _FEWEST_BLOCKS = 8, 4
_LEAST_GAIN, _LEAST_GAIN_OF_MAGNITUDE = 0.01, 0.002
_MOSTLY_UNEXPLAINED, _LIKE_NOISE = 0.8, 3.0
_MORE_THAN_OF_GRID = 0.05
_CURED = 0.1
_MANY, _TOLERATED_FAST = 200, 0.03
_FREE_OF_PHASE = 1 / 4
_FEWEST_FOR_PHASES, _ROUNDS = 20, 3
_ROUNDING = 1e-4


@dataclass(frozen=True, eq=False)
class _Trial:
    """Sample voxels under one hypothesis.

    Parameters
    ----------
    fitter : CommonFitter
        Of the sequence that the hypothesis has.
    fit : CommonFit
        Of the voxels as the hypothesis has them.
    weights : ndarray
        (N,) 0-1 of the voxels' amplitudes: air tells little.
    """

    fitter: CommonFitter
    fit: CommonFit
    weights: NDArray[np.float64]

    @property
    def explained(self) -> NDArray[np.float64]:
        """Weighted energy (N,) that the model explains."""
        return np.asarray((self.weights * self.fit.quality) ** 2)

    @property
    def quality(self) -> float:
        """Median correlation."""
        return float(np.median(self.fit.quality))

    def misfit(self, *, slow: bool = True) -> tuple[float, float]:
        """Return the misfit common to all voxels, slow or any, and its standard error.

        As a share of the explained energy. The mean over pairs of voxels in different blocks is
        zero on average where residuals are independent. The error is that of a jackknife over
        the blocks, runs of voxels in the order of the series: neighbors have artifacts in common.
        """
        residual = self.fit.residual * self.weights[:, None]
        n_voxels, n_frames = residual.shape
        n_blocks = min(_BLOCKS, n_voxels)
        if n_blocks < _FEWEST_BLOCKS:
            return 0.0, np.inf
        if slow:
            n_slow = max(2, n_frames // _SLOW_SHARE)
            residual = fft.dct(residual, axis=1, norm="ortho")[:, :n_slow]
        starts = np.arange(n_blocks) * n_voxels // n_blocks
        sums = np.add.reduceat(residual, starts, axis=0)
        sizes = np.diff(np.append(starts, n_voxels)).astype(float)
        own, own_pairs = np.sum(np.abs(sums) ** 2, axis=1), sizes**2
        # The last row has all blocks, the others lack one each.
        left_out = np.vstack([np.eye(n_blocks), np.zeros(n_blocks)])
        kept = 1.0 - left_out
        energy = np.sum(np.abs(kept @ sums) ** 2, axis=1) - kept @ own
        found = energy / ((kept @ sizes) ** 2 - kept @ own_pairs) / self.explained.mean()
        spread = found[:-1] - found[:-1].mean()
        return float(found[-1]), float(np.sqrt((n_blocks - 1) / n_blocks * np.sum(spread**2)))

    def systematic_misfit(self) -> float:
        """Return the misfit that no valid series leaves; 0 where there is none.

        Voxels of a small region share artifacts of undersampling, which are as fast as frames:
        misfit of any speed is judged by many voxels alone.
        """
        found = self._misfit_not_tolerated()
        if found == 0.0 or found > _MORE_THAN_OF_GRID:
            return found
        # Where all voxels are of one tissue, the coarse grid leaves a misfit of its own.
        return replace(self, fit=self.fitter.polished(self.fit))._misfit_not_tolerated()

    def _misfit_not_tolerated(self) -> float:
        found, error = self.misfit()
        if found > max(TOLERATED_MISFIT, _CERTAIN * error):
            return found
        found, error = self.misfit(slow=False)
        is_certain = len(self.weights) >= _MANY and found > max(_TOLERATED_FAST, _CERTAIN * error)
        return found if is_certain else 0.0

    @property
    def unexplained(self) -> float:
        """Share of the weighted energy that the model leaves."""
        return 1.0 - float(self.explained.mean() / np.mean(self.weights**2))

    def gain_over(self, other: _Trial) -> float:
        """Return the explained energy gained, as a share of all; 0 where that is not certain."""
        gains = self.explained - other.explained
        gain = float(gains.mean())
        error = float(gains.std()) / np.sqrt(len(gains))
        return gain / float(np.mean(self.weights**2)) if gain > _LIKELY * error else 0.0


@dataclass(frozen=True, eq=False)
class _Finding:
    """What a series may be instead, with the sample voxels fitted as that."""

    causes: tuple[str, ...]
    told: str
    trial: _Trial


class Plausibility:
    """Judges fingerprints by a sequence.

    Parameters
    ----------
    sequence : Sequence
        That the method was built for.
    frames : ndarray of int
        (K,) the frames that it uses.
    signals : ndarray
        (N, n_frames) or (N, K) complex64 fingerprints, under the options conjugate and smooth.
    """

    def __init__(
        self, sequence: Sequence, frames: NDArray[np.intp], signals: NDArray[np.complex64]
    ) -> None:
        self._sequence, self._frames = sequence, frames
        used = self._used(signals)
        usable = np.isfinite(signals).all(axis=1) & np.any(used != used[:, :1], axis=1)
        self._signals = signals[usable]
        norms = np.linalg.norm(self._signals.astype(np.complex128), axis=1)
        loud = float(np.percentile(norms, 90)) if len(norms) else 1.0
        self._weights = np.minimum(norms / loud, 1.0)

    def warnings(self, voxels: int) -> list[MapsWarning]:
        """Return the warning that the fit is implausible, where it is, with the likely cause.

        Parameters
        ----------
        voxels : int
            With values, for the record.
        """
        if not len(self._signals):
            return []
        measured = self._fitted(self._signals)
        misfit = measured.systematic_misfit()
        is_noise = self._is_noise(measured)
        found = _best(measured, misfit, self._usual())
        if found is None and (misfit or is_noise):
            found = _best(measured, misfit, self._rarer(measured))
            found = found or self._without_phases(measured, is_noise=is_noise)
            found = found or _unexplained(measured, misfit)
        if found is None:
            return []
        message = found.told.format(
            better=f"{found.trial.quality:.3f}",
            quality=f"{measured.quality:.3f}",
            name=self._sequence.name,
            misfit=f"{float(f'{100 * misfit:.2g}'):g} %",  # no exponent
        )
        return [MapsWarning(CODE, message, found.causes, voxels)]

    def _fitted(
        self,
        signals: NDArray[np.complex64],
        *,
        magnitudes: bool = False,
        sequence: Sequence | None = None,
    ) -> _Trial:
        """Fit the voxels as they are, or as what they may be instead."""
        frames = tuple(self._frames.tolist())
        fitter = common_fitter(sequence or self._sequence, frames, magnitudes=magnitudes)
        return _Trial(fitter, fitter.fit(self._used(signals)), self._weights)

    def _used(self, signals: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Return the frames used; a truncated scan has no others."""
        return signals if signals.shape[1] == self._frames.size else signals[:, self._frames]

    def _is_noise(self, measured: _Trial) -> bool:
        """Tell whether frames of random phases would be explained about as well."""
        if measured.unexplained < _MOSTLY_UNEXPLAINED:
            return False
        turns = np.random.default_rng(0).uniform(0, 2 * np.pi, self._signals.shape)
        scrambled = self._fitted((self._signals * np.exp(1j * turns)).astype(np.complex64))
        return bool(measured.explained.mean() < _LIKE_NOISE * scrambled.explained.mean())

    def _usual(self) -> Iterator[_Finding]:
        """Yield what is tried in every series."""
        yield _Finding(("time-reversed",), _REVERSED, self._fitted(self._signals[:, ::-1]))
        yield _Finding(("phase-sign",), _CONJUGATED, self._fitted(self._signals.conj()))
        trial = self._fitted(self._signals, magnitudes=True)
        if _have_one_phase(self._signals):
            yield _Finding(("magnitude",), _MAGNITUDE, trial)
        else:
            yield _Finding(("random-phase",), _PHASES, trial)

    def _rarer(self, measured: _Trial) -> Iterator[_Finding]:
        """Yield what is tried only where the fit is poor, since it takes longer."""
        for make in NAMED.values():
            other = make()
            if other.n_frames == self._sequence.n_frames and other != self._sequence:
                told = _OTHER.replace("{other}", other.name)
                trial = self._fitted(self._signals, sequence=other)
                yield _Finding(("other-sequence",), told, trial)
        if len(self._signals) >= _FEWEST_FOR_PHASES:
            yield _Finding(("random-phase",), _PHASES, self._with_common_phases_removed(measured))

    def _with_common_phases_removed(self, trial: _Trial) -> _Trial:
        """Turn every frame by the phase that it has against the model in all voxels."""
        signals = self._used(self._signals)
        for _ in range(_ROUNDS):
            given = trial.weights[:, None] ** 2 * trial.fit.model.conj() * trial.fit.signals
            signals = signals * np.exp(-1j * np.angle(given.sum(axis=0))).astype(np.complex64)
            trial = self._fitted(signals)
        return trial

    def _without_phases(self, measured: _Trial, *, is_noise: bool) -> _Finding | None:
        """Compare magnitudes with those of the atoms: phases alone are wrong where they fit.

        White noise lies half along the signal and half across it, so that magnitudes of a valid
        series leave half of what the series leaves.
        """
        magnitudes = np.abs(self._signals).astype(np.complex64)
        trial = self._fitted(magnitudes, magnitudes=True)
        if is_noise:
            order = np.random.default_rng(0).permutation(magnitudes.shape[1])
            shuffled = self._fitted(magnitudes[:, order], magnitudes=True)
            fits = trial.gain_over(shuffled) > _LEAST_GAIN
            return _Finding(("random-phase",), _PHASES, trial) if fits else None
        if trial.unexplained > _FREE_OF_PHASE * measured.unexplained:
            return None
        # Other echo times, too, are wrong phases.
        return _Finding(("random-phase", "other-sequence"), _PHASES_OR_ECHOES, trial)


def _best(measured: _Trial, misfit: float, findings: Iterator[_Finding]) -> _Finding | None:
    """Return what explains the voxels clearly better than as measured, and best of all."""
    cured = []
    for one in findings:
        gain = one.trial.gain_over(measured)
        if one.causes == ("magnitude",):
            # The noise of magnitudes is no longer around zero, so a misfit stays.
            is_cured = gain > _LEAST_GAIN_OF_MAGNITUDE
        else:
            # The misfit common to all voxels is part of what the cause has to explain.
            least = max(_LEAST_GAIN, misfit * (1.0 - measured.unexplained))
            is_cured = gain > least and one.trial.systematic_misfit() <= _CURED * misfit
        if is_cured:
            cured.append(one)
    return max(cured, key=lambda one: one.trial.explained.mean(), default=None)


def _unexplained(measured: _Trial, misfit: float) -> _Finding:
    if misfit:
        return _Finding(("other-sequence",), _SYSTEMATIC, measured)
    return _Finding((), _NOISE, measured)


def _have_one_phase(signals: NDArray[np.complex64]) -> bool:
    """Tell whether every fingerprint (N, T) keeps one phase throughout, as magnitudes do."""
    turned = signals * np.exp(-1j * np.angle(signals.sum(axis=1, dtype=complex)))[:, None]
    across = np.linalg.norm(turned.imag, axis=1)
    along = np.linalg.norm(np.maximum(turned.real, 0), axis=1)
    against = np.linalg.norm(np.minimum(turned.real, 0), axis=1)
    return bool(np.all(np.maximum(across, against) < _ROUNDING * along))
