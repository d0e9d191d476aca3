"""Raw data to a series of coefficient images in the subspace of the sequence's fingerprints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.devices import resolve_device
from napari_mrf.compute.steps import Steps
from napari_mrf.compute.threads import result_with_pauses
from napari_mrf.data.series import MRFSeries
from napari_mrf.data.subspace_signal import CoefficientNoise, SubspaceSignal
from napari_mrf.dictionary.pulse_basis import cached_pulse_basis
from napari_mrf.imaging.delay_correction import correcting_delays
from napari_mrf.imaging.updates import AlikeCoils, ImagesUpdate, trajectory_of
from napari_mrf.io.series.subspace_frames import lazy_frames
from napari_mrf.kspace.subspace import SubspaceReconstruction

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_mrf.data.raw.raw_data import RawData
    from napari_mrf.data.sequence import Sequence


def making_subspace_series(
    raw: RawData,
    sequence: Sequence,
    *,
    coils: int | None = None,
    device: str = "auto",
    workers: int | None = None,
    rank: int | None = None,
    delay_correction: bool = True,
) -> Generator[ImagesUpdate, None, MRFSeries]:
    """Reconstruct the images of raw data; one slice of samples is in memory at a time.

    Parameters
    ----------
    raw : RawData
        With a trajectory.
    sequence : Sequence
        That was played.
    coils : int, optional
        Virtual coils; by default the fewest that hold the signal.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` …
    workers : int, optional
        Threads; results do not depend on it.
    rank : int, optional
        Coefficients; see `make_pulse_basis`.
    delay_correction : bool
        Whether the gradient delays of radial spokes are estimated and corrected.

    Yields
    ------
    ImagesUpdate
        Several times within each step of the solver, and as often before: chances to show
        progress and to cancel.

    Returns
    -------
    MRFSeries
        Its frames are made from the coefficients when they are read; their noise goes with them.

    Raises
    ------
    MRFInputError
        ``"no-trajectory"``, ``"readouts-mismatch"``, ``"bad-noise-scan"``, ``"no-signal"``,
        ``"bad-option"``, ``"no-device"``, and what reading raises.
    """
    raw, target = raw.with_sequence(sequence), resolve_device(device)
    alike = AlikeCoils(raw, coils)
    trajectory_of(raw, 0)
    preview = np.full((raw.n_slices, *raw.matrix), complex(np.nan, np.nan), np.complex64)
    yield ImagesUpdate(0.0, raw.n_slices, preview)
    finding = Steps(result_with_pauses(lambda: cached_pulse_basis(sequence, rank)))
    for _ in finding:
        yield ImagesUpdate(0.0, raw.n_slices, preview)
    basis = finding.result
    coefficients = np.stack([preview] * basis.rank)
    preview = coefficients[0]
    raw, delays = yield from correcting_delays(
        raw, basis.vectors, preview, wanted=delay_correction, workers=workers
    )
    shared: tuple[Any, SubspaceReconstruction] | None = None
    steps = []
    square = (raw.n_slices, basis.rank, basis.rank)
    noise = CoefficientNoise(
        covariance=np.zeros(square, np.complex64),
        error_covariance=np.zeros(square, np.complex64),
        scale=np.ones((raw.n_slices, *raw.matrix), np.float32),
    )
    for z in range(raw.n_slices):
        places = trajectory_of(raw, z)
        if shared is None or shared[0] is not places:
            shared = places, SubspaceReconstruction(
                basis.vectors[raw.pulses(z)], basis.singular_values, places, raw.matrix,
                device=target, workers=workers,
            )  # fmt: skip
        reading = Steps(alike.reading(z))
        for _ in reading:
            yield ImagesUpdate(float(z), raw.n_slices, preview)
        working = Steps(shared[1].reconstructing(reading.result, alike.noise))
        for share in working:
            yield ImagesUpdate(z + share, raw.n_slices, preview)
        made = working.result
        coefficients[:, z], noise.scale[z] = made.images, made.noise.scale
        noise.covariance[z], noise.error_covariance[z] = (
            made.noise.covariance,
            made.error_covariance,
        )
        steps.append(made.steps)
        yield ImagesUpdate(z + 1.0, raw.n_slices, preview, finished=z)
    signal = SubspaceSignal(basis.by_frame(), coefficients, noise)
    metadata = {
        "images": "subspace",
        "rank": basis.rank,
        "left_out_by_the_basis": basis.left_out,
        "solver_steps": steps,
        "gradient_delays": delays,
        **alike.record(raw),
    }
    return MRFSeries(
        lazy_frames(signal),
        affine=raw.affine,
        sequence=sequence,
        source_path=str(raw.source_path),
        source_sha256=raw.source_sha256,
        metadata=metadata,
    )
