"""Choice of the voxels that take part in a permutation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.importance.reconstructor import make_reconstructor
from napari_mrf.compute.steps import Steps
from napari_mrf.errors import MRFInputError
from napari_mrf.reconstruction.foreground import choosing_voxels
from napari_mrf.reconstruction.slicewise import SlicewiseMethod
from napari_mrf.reconstruction.voxelwise import VoxelwiseMethod

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.analysis.importance.options import ImportanceOptions
    from napari_mrf.analysis.importance.reconstructor import Reconstructor, Step
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method


def prepared_reconstructor(
    method: Method,
    series: MRFSeries,
    mask: NDArray[np.bool_] | None,
    options: ImportanceOptions,
    step: Step,
) -> Generator[Step, None, tuple[Reconstructor, str]]:
    """Choose voxels and read their fingerprints.

    Parameters
    ----------
    method : Method
        Any; it is made ready.
    series : MRFSeries
        What it reconstructs.
    mask : ndarray or None
        (Z, Y, X) bool; the series' own mask, else the automatic foreground, when None.
    options : ImportanceOptions
        How many voxels, and the seed of their choice.
    step : object
        Yielded while working: a chance to cancel.

    Returns
    -------
    tuple
        The reconstructor, and the rule of the mask in words.

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
    where, rule, _ = choosing.result
    series.check_complex(np.flatnonzero(where.any(axis=(1, 2))))
    single = isinstance(method, VoxelwiseMethod)
    chosen = _subset(where, options) if single else _whole_slices(where, options)
    reconstructor = yield from make_reconstructor(method, series, chosen, step)
    if len(reconstructor.signals) < 2:
        raise MRFInputError(
            "nothing-to-permute",
            "permutation needs at least two voxels",
            path=series.source_path,
            expected="two voxels with a signal",
            found=len(reconstructor.signals),
            hint="Pick another mask.",
        )
    return reconstructor, rule


def _subset(mask: NDArray[np.bool_], options: ImportanceOptions) -> NDArray[np.bool_]:
    n_inside = int(mask.sum())
    if options.voxels is None or options.voxels >= n_inside:
        return mask
    generator = np.random.default_rng([options.seed, n_inside])
    chosen = np.zeros(mask.shape, bool)
    inside = np.flatnonzero(mask)
    chosen.flat[generator.choice(inside, options.voxels, replace=False)] = True
    return chosen


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
