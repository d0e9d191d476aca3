"""The automatic mask: where there is tissue, erring on the side of tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_mrf.data.maps_warning import MapsWarning
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
    "background, or where it is zero already (what borders on exact zeros is no noise)"
)
"""The rule in words, for the provenance."""

_FRAMES_AVERAGED = 25
_SMALLEST_PART = 10
_LEAST_CONTRAST = 3.0
# The mean of 25 frames of noise is a fifth of a frame, that of 9 a third, that of tissue all of it.
_COHERENT, _FEWEST_AVERAGED = 0.5, 9


def choosing_voxels(
    series: MRFSeries,
    mask: NDArray[np.bool_] | None,
    frames: NDArray[np.intp] | None = None,
    contents: FrameContents | None = None,
) -> Generator[None, None, tuple[NDArray[np.bool_], str, list[MapsWarning]]]:
    """Find the voxels to reconstruct (Z, Y, X), the rule that chose them, and what it lost.

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
        return check_mask(mask, series.spatial_shape), "given", []
    if series.mask is not None:
        return series.mask, "of the series", []
    found, lost = yield from finding_foreground_and_loss(series, frames, contents)
    if contents is not None:
        contents.check()
    return found, f"automatic: {RULE}", lost


def finding_foreground(
    series: MRFSeries,
    frames: NDArray[np.intp] | None = None,
    contents: FrameContents | None = None,
) -> Generator[None, None, NDArray[np.bool_]]:
    """Find the voxels worth reconstructing, (Z, Y, X); yields after every few frames.

    The logarithm of the mean magnitude separates air from tissue whatever the gain. The
    threshold is then lowered towards the background, so that weak tissue stays in. Where
    background and tissue differ by less than a factor of three, or where the background has
    been set to zero, there is none to leave out, and all voxels with a finite, non-zero signal
    are kept, in slices of low gain too. Voxels with values that
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
    return (yield from finding_foreground_and_loss(series, frames, contents))[0]


def finding_foreground_and_loss(
    series: MRFSeries,
    frames: NDArray[np.intp] | None = None,
    contents: FrameContents | None = None,
) -> Generator[None, None, tuple[NDArray[np.bool_], list[MapsWarning]]]:
    """Find what `finding_foreground` does, and warn of slices whose signal it leaves out."""
    frames = np.arange(series.n_frames) if frames is None else frames
    mean, coherent, damaged = yield from _averaging_magnitude(series, frames, contents)
    signal = np.asarray(mean > 0)
    is_masked = _is_background_zero(signal, coherent, ~signal & ~damaged)
    mask = np.logical_or(signal if is_masked else mask_from_magnitude(mean), damaged)
    return mask, _empty_slices(mask, signal)


def _empty_slices(mask: NDArray[np.bool_], signal: NDArray[np.bool_]) -> list[MapsWarning]:
    is_empty = np.asarray(~mask.any(axis=(1, 2)))
    lost = signal & is_empty[:, None, None]
    slices = [str(z) for z in np.flatnonzero(lost.any(axis=(1, 2)))]
    if not slices:
        return []
    n = int(lost.sum())
    message = (
        f"The automatic mask is empty in {'slice' if len(slices) == 1 else 'slices'} "
        f"{', '.join(slices)} (counted from 0), which {'has' if len(slices) == 1 else 'have'} a "
        f"signal in {n:,} voxels, as weak as the background of the others. If it is tissue, "
        "pick a mask that holds it."
    )
    return [MapsWarning("empty-slices", message, voxels=n)]


def _averaging_magnitude(
    series: MRFSeries, frames: NDArray[np.intp], contents: FrameContents | None
) -> Generator[None, None, tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Average the magnitude of short-time means, (Z, Y, X); find coherent and damaged voxels.

    In an undersampled series the streaks make air nearly as bright as tissue in every frame,
    but change from frame to frame; the mean of 25 frames (a seventh of short series) leaves
    the tissue. Where it leaves most of the magnitude of single frames, there is more than noise
    and streaks: the voxel is coherent. Values that are not finite count as zero; their voxels
    are damaged. A few frames of one slice are in memory at a time.
    """
    window = max(1, min(_FRAMES_AVERAGED, len(frames) // 7))
    averaged = len(frames) // window * window
    mean, single = np.zeros((2, *series.spatial_shape), np.float32)
    damaged = np.zeros(series.spatial_shape, bool)
    for z in range(mean.shape[0]):
        for start in range(0, averaged if contents is None else len(frames), window):
            at = frames[start : start + window]
            images = np.asarray(series.signal[at[0] : at[-1] + 1, z], dtype=np.complex64)
            if len(images) > len(at):
                images = images[at - at[0]]
            is_finite = contents is not None and contents.see(z, at, images)
            if not is_finite:
                damaged[z] |= ~np.isfinite(images).all(axis=0)
                images = np.nan_to_num(images, posinf=0.0, neginf=0.0)
            if start < averaged:
                mean[z] += np.abs(images.mean(axis=0))
                single[z] += np.abs(images[0])
            yield
    coherent = (mean > _COHERENT * single) & (window >= _FEWEST_AVERAGED)
    return mean / np.float32(averaged // window), coherent, damaged


def mask_from_magnitude(mean: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the voxels with tissue (Z, Y, X), from their mean magnitude (Z, Y, X)."""
    signal = np.isfinite(mean) & (mean > 0)
    if not signal.any():
        return signal
    logarithm = np.log(mean[signal].astype(np.float64))
    threshold = _threshold(logarithm)
    if threshold is None:
        return signal
    below = logarithm[logarithm < threshold]
    lowered = np.clip(np.percentile(below, 99.5), threshold - np.log(2.0), threshold)
    mask = signal & (np.nan_to_num(mean) > np.exp(lowered))
    for z in range(len(mask)):
        mask[z] = ndimage.binary_fill_holes(mask[z]) & signal[z]
    return _without_specks(mask)


def _threshold(logarithm: NDArray[np.float64]) -> float | None:
    """Return what separates two classes of log magnitudes (N,), None where there are no two."""
    threshold = _otsu(logarithm)
    below, above = logarithm[logarithm < threshold], logarithm[logarithm >= threshold]
    if below.size == 0 or above.size == 0:
        return None
    apart = np.median(above) - np.median(below)
    return threshold if apart >= np.log(_LEAST_CONTRAST) else None


def _is_background_zero(
    signal: NDArray[np.bool_], coherent: NDArray[np.bool_], zero: NDArray[np.bool_]
) -> bool:
    """Tell a background of zeros from one that noise fills up to the end of the field of view."""
    in_plane = ndimage.generate_binary_structure(3, 1)
    in_plane[[0, 2]] = False
    beside_zeros = signal & ndimage.binary_dilation(zero, in_plane)
    return bool(beside_zeros.any() and coherent[beside_zeros].mean() > 0.5)


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
