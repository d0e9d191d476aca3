"""The automatic mask: where there is tissue, erring on the side of tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_mrf.data.series import check_mask

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.frame_contents import FrameContents

RULE = (
    "magnitude of the mean over 25 consecutive frames used (which averages undersampling streaks "
    "away), averaged over time, above the background: Otsu's threshold on its logarithm, "
    "lowered to the 99.5th percentile of the background but at most to a half; holes filled in "
    "each slice, specks under 10 voxels left out; every voxel with signal where there is no "
    "background"
)
"""The rule in words, for the provenance."""

_FRAMES_AVERAGED = 25
_SMALLEST_PART = 10
_LEAST_CONTRAST = 3.0


def choosing_voxels(
    series: MRFSeries,
    mask: NDArray[np.bool_] | None,
    frames: NDArray[np.intp] | None = None,
    contents: FrameContents | None = None,
) -> Generator[None, None, tuple[NDArray[np.bool_], str]]:
    """Find the voxels to reconstruct (Z, Y, X), and the rule by which they were chosen.

    Parameters
    ----------
    series : MRFSeries
        Its own mask counts where none is given, else the foreground.
    mask : ndarray or None
        (Z, Y, X), given by the user.
    frames, contents
        See `finding_foreground`.

    Raises
    ------
    MRFInputError
        ``"bad-mask"``, and those of `FrameContents.check`.
    """
    if mask is not None:
        return check_mask(mask, series.spatial_shape), "given"
    if series.mask is not None:
        return series.mask, "of the series"
    found = yield from finding_foreground(series, frames, contents)
    if contents is not None:
        contents.check()
    return found, f"automatic: {RULE}"


def finding_foreground(
    series: MRFSeries,
    frames: NDArray[np.intp] | None = None,
    contents: FrameContents | None = None,
) -> Generator[None, None, NDArray[np.bool_]]:
    """Find the voxels worth reconstructing, (Z, Y, X); yields after every few frames.

    The logarithm of the mean magnitude separates air from tissue whatever the gain. The
    threshold is then lowered towards the background, so that weak tissue stays in. Where
    background and tissue differ by less than a factor of three there is no background to
    leave out, and all voxels with a finite, non-zero signal are kept. Voxels with values that
    are not finite stay in, so that they are counted and flagged, not lost.

    Parameters
    ----------
    series : MRFSeries
        Any size; read a few frames at a time.
    frames : ndarray of int, optional
        Rising indices of the frames that are looked at; all by default.
    contents : FrameContents, optional
        Is shown what is read.
    """
    frames = np.arange(series.n_frames) if frames is None else frames
    mean, damaged = yield from _averaging_magnitude(series, frames, contents)
    return mask_from_magnitude(mean) | damaged


def _averaging_magnitude(
    series: MRFSeries, frames: NDArray[np.intp], contents: FrameContents | None
) -> Generator[None, None, tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Average the magnitude of short-time means, (Z, Y, X), and find damaged voxels.

    In an undersampled series the streaks make air nearly as bright as tissue in every frame,
    but change from frame to frame; the mean of 25 frames (a seventh of short series) leaves
    the tissue. Values that are not finite count as zero; their voxels are damaged. A few
    frames of one slice are in memory at a time.
    """
    window = max(1, min(_FRAMES_AVERAGED, len(frames) // 7))
    averaged = len(frames) // window * window
    mean = np.zeros(series.spatial_shape, np.float32)
    damaged = np.zeros(series.spatial_shape, bool)
    for z in range(mean.shape[0]):
        for start in range(0, averaged if contents is None else len(frames), window):
            at = frames[start : start + window]
            images = np.asarray(series.signal[at[0] : at[-1] + 1, z], dtype=np.complex64)
            images = images[at - at[0]]
            if contents is not None:
                contents.see(z, at, images)
            damaged[z] |= ~np.isfinite(images).all(axis=0)
            if start < averaged:
                images = np.nan_to_num(images, posinf=0.0, neginf=0.0)
                mean[z] += np.abs(images.mean(axis=0))
            yield
    return mean / np.float32(averaged // window), damaged


def mask_from_magnitude(mean: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the voxels with tissue (Z, Y, X), from their mean magnitude (Z, Y, X)."""
    signal = np.isfinite(mean) & (mean > 0)
    if not signal.any():
        return signal
    logarithm = np.log(mean[signal].astype(np.float64))
    threshold = _otsu(logarithm)
    below, above = logarithm[logarithm < threshold], logarithm[logarithm >= threshold]
    if below.size == 0 or above.size == 0:
        return signal
    if np.median(above) - np.median(below) < np.log(_LEAST_CONTRAST):
        return signal
    lowered = np.clip(np.percentile(below, 99.5), threshold - np.log(2.0), threshold)
    mask = signal & (np.nan_to_num(mean) > np.exp(lowered))
    for z in range(len(mask)):
        mask[z] = ndimage.binary_fill_holes(mask[z]) & signal[z]
    return _without_specks(mask)


def _otsu(values: NDArray[np.float64]) -> float:
    """Return the threshold of largest between-class variance (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=256)
    centers = (edges[:-1] + edges[1:]) / 2
    weight = np.cumsum(counts)[:-1].astype(np.float64)
    rest = weight[-1] + counts[-1] - weight
    total = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = total[:-1] / weight - (total[-1] - total[:-1]) / rest
        between = np.nan_to_num(weight * rest * means**2)
    # A gap in the histogram makes a plateau: its middle keeps the same distance to both sides.
    plateau = np.flatnonzero(between >= between.max() * (1.0 - 1e-9))
    return float((edges[1 + plateau[0]] + edges[1 + plateau[-1]]) / 2)


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, n_parts = ndimage.label(mask)
    sizes = np.bincount(parts.reshape(-1), minlength=n_parts + 1)
    keep = sizes >= min(_SMALLEST_PART, int(sizes[1:].max(initial=0)))
    keep[0] = False
    return np.asarray(keep[parts])
