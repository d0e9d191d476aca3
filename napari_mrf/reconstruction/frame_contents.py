"""Contents of the frames of a series: some may hold nothing, or each its own scale.

Both give wrong maps without any voxel looking wrong: a scan that was cut short and filled up with
zeros, and images that were exported one by one, each to the full range of its integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

import numpy as np

from napari_mrf.data.frames import frames_option, frames_text
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries

_FEWEST_FRAMES = 8
_SAME, _DIFFERENT = 1e-5, 1e-2
"""Relative spread over the frames of what was scaled to one value, and of what was not."""


class FrameContents:
    """What has been seen of the frames of a series, as its slices are read for other reasons.

    Parameters
    ----------
    series : MRFSeries
        Remembered, not kept.
    sequence : Sequence
        Of the reconstruction. Frames whose flip angles are all 0 may hold zeros.
    used : ndarray of int
        Frames of the series that the reconstruction looks at; the others are not judged.
    numbers : ndarray of int
        (T,) frames of the sequence that those of the series are, for messages.
    fewest : int
        Frames that a reconstruction needs.
    """

    def __init__(
        self,
        series: MRFSeries,
        sequence: Sequence,
        used: NDArray[np.intp],
        numbers: NDArray[np.intp],
        fewest: int,
    ) -> None:
        self._series, self._path = ref(series), series.source_path
        self._used, self._numbers, self._fewest = used, numbers, fewest
        flips = sequence.per_frame(sequence.flip_angles_deg)[numbers]
        self._may_be_zero = np.all(flips == 0, axis=1)
        shape = (series.spatial_shape[0], series.n_frames)
        self._seen = np.zeros(shape, bool)
        self._is_usable = np.zeros(shape, bool)
        self._has_gaps = np.zeros(shape, bool)
        self._largest = np.zeros((3, *shape))  # of magnitude, real and imaginary part, squared
        self._energy = np.zeros(shape)
        self._peak = np.zeros(shape, np.complex64)
        self._peak_at = np.zeros(shape, np.intp)

    def are_of(self, series: MRFSeries) -> bool:
        """Return whether they are those of this very series."""
        return self._series() is series

    def has_seen(self, z: int) -> bool:
        """Return whether all frames of a slice that are used have been seen."""
        return bool(self._seen[z, self._used].all())

    def see(self, z: int, frames: NDArray[np.intp], images: NDArray[np.complex64]) -> bool:
        """Look at some frames of a slice, and return whether all their values are finite.

        Parameters
        ----------
        z : int
            The slice.
        frames : ndarray of int
            (F,) their indices in the series.
        images : ndarray
            (F, Y, X).
        """
        from napari_mrf.reconstruction.frame_contents_kernel import look_at_frames

        flat = np.ascontiguousarray(images).reshape(len(images), -1)
        largest, energy = np.empty((3, len(flat)), np.float32), np.empty(len(flat))
        peak_at = np.empty(len(flat), np.intp)
        look_at_frames(flat, largest, energy, peak_at)
        is_finite = bool(np.isfinite(energy).all())
        if not is_finite:
            finite = np.isfinite(flat)
            has_gaps = ~finite.all(axis=1)
            self._has_gaps[z, frames], is_finite = has_gaps, not has_gaps.any()
            flat = np.where(finite, flat, 0)
            look_at_frames(flat, largest, energy, peak_at)
        self._largest[:, z, frames], self._energy[z, frames] = largest, energy
        self._peak[z, frames] = flat[np.arange(len(flat)), peak_at]
        self._peak_at[z, frames] = peak_at
        usable = largest[0] > 0
        # The squares of very small numbers are 0.
        usable[~usable] = flat[~usable].any(axis=1)
        self._is_usable[z, frames] = usable
        self._seen[z, frames] = True
        return is_finite

    def check(self) -> None:
        """Refuse what has been seen so far, where it is no measured series.

        Raises
        ------
        MRFInputError
            ``"dead-frames"`` for frames that are 0 or not finite in every voxel of a slice whose
            other frames hold something; ``"scaled-frames"`` where every frame of a slice, or
            of the series, has the same maximum (of its magnitude, or of real and imaginary
            part), or the same norm.
        """
        slices = [z for z in range(len(self._seen)) if self.has_seen(z)]
        self._check_dead([z for z in slices if self._is_usable[z, self._used].any()])
        for z in slices:
            if self._is_scaled(self._largest[:, z], self._energy[z], z):
                raise self._scaled(z)
        if len(slices) == len(self._seen) > 1:
            largest, energy = self._largest.max(axis=1), self._energy.sum(axis=0)
            if self._is_scaled(largest, energy, self._largest[0].argmax(axis=0)):
                raise self._scaled(None)

    def _check_dead(self, slices: list[int]) -> None:
        dead = ~self._is_usable[slices] & ~(self._may_be_zero & ~self._has_gaps[slices])
        dead[:, np.delete(np.arange(dead.shape[1]), self._used)] = False
        if not dead.any():
            return
        first = int(np.argmax(dead.any(axis=1)))
        where = "in every voxel"
        if not np.array_equal(dead.all(axis=0), dead.any(axis=0)):
            where = f"in every voxel of slice {slices[first]} (counted from 0)"
        frames = np.flatnonzero(dead[first])
        gaps = self._has_gaps[slices[first], frames]
        what = "0" if not gaps.any() else "not finite" if gaps.all() else "0 or not finite"
        left = np.setdiff1d(self._used, np.flatnonzero(dead.any(axis=0)))
        hint = "Too few frames are left: the series cannot be matched."
        if len(left) >= self._fewest:
            option = frames_option(self._numbers[left])
            hint = f"Was the scan cut short? Matchers can use what is there: {option}."
        one = len(frames) == 1
        raise MRFInputError(
            "dead-frames",
            f"frame{'' if one else 's'} {frames_text(self._numbers[frames])} "
            f"{'is' if one else 'are'} {what} {where}",
            path=self._path,
            expected="a signal in every frame that is used",
            hint=hint,
        )

    def _is_scaled(
        self,
        largest: NDArray[np.floating],
        energy: NDArray[np.floating],
        z: int | NDArray[np.intp],
    ) -> bool:
        """Return whether frames share a maximum (3, T) or norm (T,) and differ in the other."""
        frames = self._used[energy[self._used] > 0]
        if len(frames) < _FEWEST_FRAMES:
            return False
        size, real, imaginary = (_spread(np.sqrt(values[frames])) for values in largest)
        norm = _spread(np.sqrt(energy[frames]))
        if size < _SAME and norm > _DIFFERENT:
            # A voxel of one value in all frames is no signal, whatever it outshines.
            z = z if isinstance(z, int) else z[frames]
            at, peak = self._peak_at[z, frames], self._peak[z, frames]
            return bool(np.any(at != at[0]) or np.any(np.abs(peak - peak[0]) > _SAME * abs(peak)))
        if norm < _SAME:
            return size > _DIFFERENT
        return max(real, imaginary) < _SAME and norm > _DIFFERENT

    def _scaled(self, z: int | None) -> MRFInputError:
        where = "the series" if z is None or len(self._seen) == 1 else f"slice {z}"
        return MRFInputError(
            "scaled-frames",
            f"every frame of {where} has the same maximum or norm: each was scaled by itself",
            path=self._path,
            expected="one scale for all frames",
            hint="Fingerprints are lost in such a series. Export it again with one scale for all "
            "images, or apply the scale of each image, such as its rescale slope.",
        )


def _spread(values: NDArray[np.floating]) -> float:
    """Return the range of values relative to their mean; infinite where they are not finite."""
    with np.errstate(all="ignore"):
        spread = float(np.ptp(values) / values.mean())
    return spread if np.isfinite(spread) else np.inf
