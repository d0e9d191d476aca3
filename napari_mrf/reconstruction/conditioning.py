"""Conditioning of a series before matching, and of the atoms alike.

Leaving frames out and averaging neighboring frames are linear in time: done to the series and
to the atoms alike, they change the noise but not the answer without noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_mrf.data.frames import chosen_frames
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.errors import MRFInputError
from napari_mrf.reconstruction.method import MethodOption

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence

_MAX_SMOOTH_VOXELS = 5.0
_MAX_WINDOW = 75


def fewest_frames(sequence: Sequence) -> int:
    """Return how many frames a reconstruction needs.

    As many as a voxel has unknown values, its tissue and the size of its signal, and one more,
    without which every atom would fit. Frames of one phase, as those of FISP are, bring one number
    each.
    """
    return len(SIGNAL_KINDS[sequence.kind].tissue) + 2


@dataclass(frozen=True)
class Conditioning:
    """Frames to use, averaging in time and in plane, sign of the phase.

    Parameters
    ----------
    frames : str, sequence of int or None
        Frames to use, rising, counted from 0; ``"all"``, which becomes None, for all.
    window : int
        Frames averaged around each frame, inside each run of frames of one echo time (and RF
        phase); 1 for none. It quietens undersampling streaks.
    smooth : float
        Standard deviation (voxels) of a Gaussian in plane; 0 for none.
    conjugate : bool
        Take the complex conjugate of the series: for data of the opposite phase sign.

    Raises
    ------
    MRFInputError
        ``"bad-frames"`` or ``"bad-option"``.
    """

    frames: Any = "all"
    window: int = 1
    smooth: float = 0.0
    conjugate: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", chosen_frames(self.frames))
        if int(self.window) != self.window or not 1 <= self.window <= _MAX_WINDOW:
            raise MRFInputError(
                "bad-option",
                "the window is out of range",
                expected=f"1 to {_MAX_WINDOW}",
                found=self.window,
            )
        if not 0.0 <= self.smooth <= _MAX_SMOOTH_VOXELS:
            raise MRFInputError(
                "bad-option",
                "the smoothing is out of range",
                expected=f"0 to {_MAX_SMOOTH_VOXELS:g} voxels",
                found=self.smooth,
            )

    @property
    def changes_slices(self) -> bool:
        """Whether `on_frames` does anything."""
        return self.conjugate or self.smooth > 0.0

    def kept_frames(self, sequence: Sequence) -> NDArray[np.intp]:
        """Return the frames used, (K,).

        Raises
        ------
        MRFInputError
            ``"bad-frames"`` for frames that the sequence does not have, and for too few.
        """
        if self.frames is None:
            return np.arange(sequence.n_frames)
        if self.frames[-1] >= sequence.n_frames:
            raise MRFInputError(
                "bad-frames",
                f"{sequence.name} has no frame {self.frames[-1]}",
                expected=f"0 to {sequence.n_frames - 1}",
            )
        fewest = fewest_frames(sequence)
        if len(self.frames) < fewest:
            raise MRFInputError(
                "bad-frames",
                f"too few frames to tell the {fewest - 2} tissue parameters of {sequence.name}",
                expected=f"at least {fewest} frames: one for each of {fewest - 1} unknown values "
                "(tissue, and the size of the signal), and one that shows whether they fit",
                found=len(self.frames),
                hint="Use more frames.",
            )
        return np.array(self.frames, dtype=np.intp)

    def averaging(self, sequence: Sequence) -> NDArray[np.float64] | None:
        """Return the (K, K) matrix of the window on the kept frames; None without a window."""
        if self.window == 1:
            return None
        kept = self.kept_frames(sequence)
        keys = np.hstack(
            [
                sequence.per_frame(sequence.echo_times_ms)[kept],
                sequence.per_frame(sequence.rf_phases_deg)[kept],
            ]
        )
        run = np.cumsum(np.r_[False, np.any(keys[1:] != keys[:-1], axis=1)])
        distance = np.subtract.outer(np.arange(kept.size), np.arange(kept.size))
        near = (distance <= self.window // 2) & (distance >= -((self.window - 1) // 2))
        weights = (near & (run[:, None] == run)).astype(np.float64)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def independent_share(self, sequence: Sequence) -> float:
        """Return the share of frames that stay independent under white noise, 0-1.

        Averaging correlates the noise of neighboring frames: K frames then tell as much about
        their noise as tr(C)² / tr(C²) independent ones, C being its covariance.
        """
        matrix = self.averaging(sequence)
        if matrix is None:
            return 1.0
        covariance = matrix @ matrix.T
        return float(np.trace(covariance) ** 2 / np.sum(covariance**2) / len(covariance))

    def on_frames(
        self, frames: NDArray[np.complex64], silent: NDArray[np.bool_]
    ) -> NDArray[np.complex64]:
        """Condition some frames (F, Y, X) of one slice: sign and smoothing in plane.

        Parameters
        ----------
        frames : ndarray
            Complex64. Values that are not finite do not spread and stay as they are.
        silent : ndarray of bool
            (Y, X) voxels that are zero in every frame of the slice: no signal stays no signal,
            and is not filled from its neighbors.
        """
        if self.conjugate:
            frames = frames.conj()
        if self.smooth == 0.0:
            return frames
        smoothed = np.empty_like(frames)
        for frame, out in zip(frames, smoothed, strict=True):
            good = np.isfinite(frame)
            weight = self._gaussian(good.astype(np.float32))
            values = np.where(good, frame, 0)
            total = self._gaussian(values.real) + 1j * self._gaussian(values.imag)
            out[...] = np.where(good, total / np.maximum(weight, 1e-6), frame)
        smoothed[:, silent] = 0
        return smoothed

    def _gaussian(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(ndimage.gaussian_filter(image, self.smooth, mode="nearest"))

    def describe(self) -> dict[str, Any]:
        """Return what was done, for the provenance; empty when nothing was."""
        record: dict[str, Any] = {}
        if self.frames is not None:
            record["frames"] = list(self.frames)
        if self.window > 1:
            record["window_frames"] = self.window
        if self.smooth > 0:
            record["smooth_voxels"] = self.smooth
        if self.conjugate:
            record["conjugate"] = True
        return record


OPTIONS = (
    MethodOption(
        name="frames",
        kind="text",
        default=Conditioning.frames,
        label="Frames",
        help="Frames to use, counted from 0, such as 0-149. The others are left out of series "
        "and atoms.",
    ),
    MethodOption(
        name="window",
        kind="int",
        default=Conditioning.window,
        label="Window",
        help="Number of neighboring frames of one echo time to average, in series and atoms "
        "alike. 25 reduces the streaks of undersampled series; 1 is off.",
        limits=(1, _MAX_WINDOW),
    ),
    MethodOption(
        name="smooth",
        kind="float",
        default=Conditioning.smooth,
        label="Smooth (voxels)",
        help="Standard deviation of a Gaussian in plane; 0.5 is little, 0 is off.",
        limits=(0.0, _MAX_SMOOTH_VOXELS),
    ),
    MethodOption(
        name="conjugate",
        kind="bool",
        default=Conditioning.conjugate,
        label="Conjugate",
        help="For data whose phase or frequency sign is reversed.",
    ),
)
"""The options as methods offer them."""
