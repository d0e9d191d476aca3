"""Raw data to a series, gridded frame by frame: quick, linear, and full of streaks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.compute.steps import Steps
from napari_mrf.compute.threads import indices_in_order, result_with_pauses
from napari_mrf.data.series import MRFSeries
from napari_mrf.dictionary.pulse_basis import cached_pulse_basis
from napari_mrf.errors import MRFInputError
from napari_mrf.imaging.delay_correction import correcting_delays
from napari_mrf.imaging.updates import AlikeCoils, ImagesUpdate, trajectory_of
from napari_mrf.kspace import nufft
from napari_mrf.kspace.coil_estimation import estimating_coil_maps
from napari_mrf.kspace.coils import combine
from napari_mrf.kspace.density import sampling_density
from napari_mrf.kspace.trajectory import inside

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.data.sequence import Sequence


def making_gridded_series(
    raw: RawData,
    sequence: Sequence,
    *,
    coils: int | None = None,
    device: str = "auto",
    workers: int | None = None,
    delay_correction: bool = True,
) -> Generator[ImagesUpdate, None, MRFSeries]:
    """Grid the readouts of each temporal frame into an image; coils are combined.

    Parameters
    ----------
    raw : RawData
        With a trajectory.
    sequence : Sequence
        That was played.
    coils : int, optional
        Virtual coils; by default the fewest that hold the signal.
    device : str
        ``"auto"`` or ``"cpu"``: gridding runs on the CPU.
    workers : int, optional
        Threads; results do not depend on it.
    delay_correction : bool
        Whether the gradient delays of radial spokes are estimated and corrected.

    Yields
    ------
    ImagesUpdate
        After each frame.

    Returns
    -------
    MRFSeries
        (n_frames, Z, Y, X) in memory.

    Raises
    ------
    MRFInputError
        As `making_subspace_series`; ``"bad-option"`` for another device too, and
        ``"readouts-mismatch"`` where frames have no readouts.
    """
    if device not in ("auto", "cpu"):
        raise MRFInputError("bad-option", "frames are gridded on the CPU",
                            expected="the device auto or cpu", found=device)  # fmt: skip
    raw = raw.with_sequence(sequence)
    alike = AlikeCoils(raw, coils)
    trajectory_of(raw, 0)
    signal = np.zeros((sequence.n_frames, raw.n_slices, *raw.matrix), np.complex64)
    preview = np.full((raw.n_slices, *raw.matrix), complex(np.nan, np.nan), np.complex64)
    finding = Steps(result_with_pauses(lambda: cached_pulse_basis(sequence)))
    for _ in finding:
        yield ImagesUpdate(0.0, raw.n_slices, preview)
    basis = finding.result
    raw, delays = yield from correcting_delays(
        raw, basis.vectors, preview, wanted=delay_correction, workers=workers
    )
    for z in range(raw.n_slices):
        places, pulses = trajectory_of(raw, z), raw.pulses(z)
        frames = _readouts_by_frame(sequence, pulses, raw)
        counts = inside(places)  # beyond the edge, images of these voxels hold nothing
        weighing = Steps(result_with_pauses(partial(sampling_density, places, raw.matrix, counts)))
        for _ in weighing:
            yield ImagesUpdate(float(z), raw.n_slices, preview)
        weights = weighing.result.astype(np.float32) * len(places)
        reading = Steps(alike.reading(z))
        for _ in reading:
            yield ImagesUpdate(float(z), raw.n_slices, preview)
        samples = reading.result * counts
        estimating = Steps(
            estimating_coil_maps(samples, basis.vectors[pulses], places, raw.matrix,
                                 workers=workers)
        )  # fmt: skip
        places = np.where(counts[..., None], places, 0.0)
        for _ in estimating:
            yield ImagesUpdate(float(z), raw.n_slices, preview)
        maps = estimating.result.maps

        def gridded(
            frame: int,
            samples: NDArray[np.complex64] = samples,
            places: NDArray[np.float64] = places,
            weights: NDArray[np.float32] = weights,
            maps: NDArray[np.complex64] = maps,
            frames: list[NDArray[np.intp]] = frames,
        ) -> NDArray[np.complexfloating]:
            of = frames[frame]
            weighted = samples[:, of] * (weights[of] / len(of))
            return combine(nufft.adjoint(weighted, places[of], raw.matrix), maps)

        images = indices_in_order(gridded, sequence.n_frames, workers=workers)
        for frame, image in enumerate(images):
            signal[frame, z] = image
            yield ImagesUpdate(z + (frame + 1) / sequence.n_frames, raw.n_slices, preview)
        preview[z] = signal[:, z].mean(axis=0)
        yield ImagesUpdate(z + 1.0, raw.n_slices, preview, finished=z)
    return MRFSeries(
        signal,
        affine=raw.affine,
        sequence=sequence,
        source_path=str(raw.source_path),
        source_sha256=raw.source_sha256,
        metadata={"images": "gridded", "gradient_delays": delays, **alike.record(raw)},
    )


def _readouts_by_frame(
    sequence: Sequence, pulses: NDArray[np.int64], raw: RawData
) -> list[NDArray[np.intp]]:
    """Return which readouts of a slice each frame is gridded from."""
    firsts = np.arange(sequence.n_frames) * sequence.frame_step
    inside = [
        np.flatnonzero((pulses >= first) & (pulses < first + sequence.pulses_per_frame))
        for first in firsts
    ]
    empty = [frame for frame, of in enumerate(inside) if not len(of)]
    if empty:
        raise MRFInputError(
            "readouts-mismatch", "there are frames without a readout",
            path=raw.source_path, expected="readouts for each frame",
            found=f"{len(empty)} of {sequence.n_frames} frames without, the first is {empty[0]}",
            hint="Images in the subspace can be made all the same: choose subspace (on the command "
            "line --images subspace).",
        )  # fmt: skip
    return inside
