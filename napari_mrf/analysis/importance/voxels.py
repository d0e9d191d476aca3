"""Choice of the voxels that take part in a permutation.

A voxel of bone or air holds noise and streaks: its fat fraction may be anything, and jumps when a
frame is permuted. A root mean square over voxels then tells of a few of them. So voxels without a
signal are left out, and rare tissue counts as much as common tissue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.importance.reconstructor import make_reconstructor
from napari_mrf.compute.steps import Steps
from napari_mrf.dictionary.real_atoms import norms_of
from napari_mrf.errors import MRFInputError
from napari_mrf.reconstruction.foreground import choosing_voxels
from napari_mrf.reconstruction.frame_noise import FrameNoise
from napari_mrf.reconstruction.slicewise import SlicewiseMethod
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.analysis.importance.options import ImportanceOptions
    from napari_mrf.analysis.importance.reconstructor import Reconstructor, Step
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method

NO_SIGNAL = (
    "at least half of the energy of the fingerprint is noise (second differences of frames of one "
    "echo time), and twice as much as in the median voxel"
)
"""What a voxel without a signal is, in words."""

_NOISE_SHARE, _TIMES_MEDIAN = 0.5, 2.0
# Of fewer differences the median is off by a quarter and more.
_FEWEST_DIFFERENCES = 30
_BINS = 10
_CANDIDATES_PER_VOXEL = 4


@dataclass(frozen=True)
class ChosenVoxels:
    """The voxels that take part.

    Parameters
    ----------
    reconstructor : Reconstructor
        Of these voxels.
    mask_rule, rule : str
        How the mask and the voxels in it were chosen, in words.
    n_without_signal : int
        Voxels that were looked at and left out.
    """

    reconstructor: Reconstructor
    mask_rule: str
    rule: str
    n_without_signal: int


def choosing_permuted_voxels(
    method: Method,
    series: MRFSeries,
    mask: NDArray[np.bool_] | None,
    regions: NDArray[np.integer] | None,
    options: ImportanceOptions,
    step: Step,
) -> Generator[Step, None, ChosenVoxels]:
    """Choose voxels and read their fingerprints.

    Parameters
    ----------
    method : Method
        Any; it is made ready.
    series : MRFSeries
        What it reconstructs.
    mask : ndarray or None
        (Z, Y, X) bool; the series' own mask, else the automatic foreground, when None.
    regions : ndarray or None
        (Z, Y, X) labels to spread a balanced choice over; only voxels in a region count.
    options : ImportanceOptions
        How many voxels, how they are chosen, and the seed.
    step : object
        Yielded while working: a chance to cancel.

    Raises
    ------
    MRFInputError
        ``"nothing-to-permute"``, ``"not-complex"``, and those of the method for a series that
        does not fit.
    """
    frames, contents = None, None
    if isinstance(method, SlicewiseMethod):
        method.check(series)
        for _ in method.preparing():
            yield step
        frames, contents = method.frames_in(series), method.contents_of(series)
    choosing = Steps(choosing_voxels(series, mask, frames, contents))
    for _ in choosing:
        yield step
    where, mask_rule, _ = choosing.result
    series.check_complex(np.flatnonzero(where.any(axis=(1, 2))))
    labels = None
    if options.choice == "balanced" and regions is not None and (where & (regions > 0)).any():
        labels = regions
    if isinstance(method, VoxelwiseMethod):
        reconstructor, rule, n_without = yield from _single_voxels(
            method, series, where, labels, options, step
        )
    else:
        reconstructor = yield from make_reconstructor(
            method, series, _whole_slices(where, options), step
        )
        rule, n_without = "whole slices", 0
        if options.choice == "balanced":
            found = has_signal(reconstructor.signals, reconstructor.used_frames, method.sequence,
                               frames_of(method, series))  # fmt: skip
            reconstructor.counted, n_without = found, int((~found).sum())
            rule = f"whole slices; those without a signal do not count: {NO_SIGNAL}"
            if labels is not None:
                reconstructor.counted &= labels[tuple(reconstructor.places)] > 0
                rule = f"{rule}, nor those in no region"
    if reconstructor.counted.sum() < 2:
        raise MRFInputError(
            "nothing-to-permute",
            "permutation needs at least two voxels",
            path=series.source_path,
            expected="two voxels with a signal",
            found=int(reconstructor.counted.sum()),
            hint="Pick another mask.",
        )
    return ChosenVoxels(reconstructor, mask_rule, rule, n_without)


def frames_of(method: Method, series: MRFSeries) -> NDArray[np.intp]:
    """Return the frame of the sequence that each frame of a series is, (T,)."""
    if series.n_frames != method.sequence.n_frames and isinstance(method, SlicewiseMethod):
        return method.conditioning.kept_frames(method.sequence)
    return np.arange(series.n_frames)


def has_signal(
    signals: NDArray[np.complex64],
    used: NDArray[np.bool_],
    sequence: Sequence,
    sequence_frames: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Return which fingerprints are more than noise (see `NO_SIGNAL`), (N,).

    All are taken to be where too few frames follow each other to tell. In a series as noisy as
    its weakest tissue none is left out.

    Parameters
    ----------
    signals : ndarray
        (N, T) complex64.
    used : ndarray of bool
        (T,) frames that are looked at.
    sequence : Sequence
        What was played.
    sequence_frames : ndarray
        (T,) frame of the sequence that each frame is.
    """
    noise = FrameNoise(sequence, sequence_frames[used])
    if noise.n_differences < _FEWEST_DIFFERENCES or not len(signals):
        return np.ones(len(signals), bool)
    seen = np.ascontiguousarray(signals[:, used])
    # Real and imaginary part of every frame hold it once each.
    share = 2.0 * int(used.sum()) * noise.powers(seen, norms_of(seen))
    most = max(_NOISE_SHARE, _TIMES_MEDIAN * float(np.median(share)))
    return np.asarray(share < most)


def spread(strata: NDArray[np.integer], n: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """Draw so many of (N,) candidates, as equally many of every stratum as there are.

    Strata take turns, in a random order each time, until all is drawn; one that runs out leaves
    its turns to the others.

    Returns
    -------
    ndarray
        Rising indices, min(n, N) of them.
    """
    order = generator.permutation(len(strata))
    _, stratum, counts = np.unique(strata[order], return_inverse=True, return_counts=True)
    by_stratum = np.argsort(stratum, kind="stable")
    turn = np.empty(len(strata), np.intp)
    turn[by_stratum] = np.arange(len(strata)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(np.sort(order[np.argsort(turn, kind="stable")[:n]]))


def _single_voxels(
    method: VoxelwiseMethod,
    series: MRFSeries,
    where: NDArray[np.bool_],
    labels: NDArray[np.integer] | None,
    options: ImportanceOptions,
    step: Step,
) -> Generator[Step, None, tuple[Reconstructor, str, int]]:
    """Draw candidates, leave out those without a signal, and choose among the others."""
    if labels is not None:
        where = where & (labels > 0)
    n_inside = int(where.sum())
    n = n_inside if options.voxels is None else options.voxels
    is_balanced = options.choice == "balanced"
    generator = np.random.default_rng([options.seed, n_inside])
    chosen = where
    n_drawn = n * _CANDIDATES_PER_VOXEL if is_balanced else n
    if n_drawn < n_inside:
        chosen = np.zeros(where.shape, bool)
        inside = np.flatnonzero(where)
        if labels is None:
            drawn = generator.choice(n_inside, n_drawn, replace=False)
        else:
            drawn = spread(labels[where], n_drawn, generator)
        chosen.flat[inside[drawn]] = True
    found = yield from make_reconstructor(method, series, chosen, step)
    if not is_balanced:
        return found, "at random", 0
    good = has_signal(found.signals, found.used_frames, method.sequence, frames_of(method, series))
    found.keep(good)
    rule = f"without those that have no signal: {NO_SIGNAL}"
    if len(found.signals) > n:
        strata, of_what = np.zeros(len(found.signals), np.intp), ""
        if labels is not None:
            strata, of_what = labels[tuple(found.places)], ", as many from every region"
        elif "FF" in method.parameters:
            fat_fraction = np.nan_to_num((yield from found.values(step))["FF"])
            strata = np.clip(fat_fraction * _BINS, 0, _BINS - 1).astype(np.intp)
            of_what = ", as many from every tenth of the fat fraction"
        found.keep(spread(strata, n, generator))
        rule = f"at random{of_what}, {rule}"
    elif labels is not None:
        rule = f"all in a region, {rule}"
    return found, rule, int((~good).sum())


def _whole_slices(mask: NDArray[np.bool_], options: ImportanceOptions) -> NDArray[np.bool_]:
    """Choose slices at random until they hold as many voxels as were asked for.

    A method that looks at neighbors would read a permuted value off the voxels around it that
    kept theirs: within a slice all voxels of the mask take part.
    """
    n_inside = int(mask.sum())
    if options.voxels is None or options.voxels >= n_inside:
        return mask
    generator = np.random.default_rng([options.seed, n_inside])
    chosen = np.zeros(mask.shape, bool)
    for z in generator.permutation(np.flatnonzero(mask.any(axis=(1, 2)))):
        if chosen.sum() >= options.voxels:
            break
        chosen[z] = mask[z]
    return chosen
