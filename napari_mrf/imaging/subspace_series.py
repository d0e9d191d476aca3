"""Raw data to a series of coefficient images in the subspace of the sequence's fingerprints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.devices import resolve_device
from napari_mrf.compute.steps import Steps
from napari_mrf.data.series import MRFSeries
from napari_mrf.data.subspace_signal import SubspaceSignal
from napari_mrf.dictionary.pulse_basis import cached_pulse_basis
from napari_mrf.errors import MRFInputError
from napari_mrf.kspace.subspace import SubspaceReconstruction
from napari_mrf.kspace.whitening import compression, mixed, whitening

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_mrf.data.raw_data import RawData
    from napari_mrf.data.sequence import Sequence


@dataclass(frozen=True, eq=False)
class ImagesUpdate:
    """How far the images are.

    Parameters
    ----------
    done : float
        Slices, with the share of the one under way.
    total : int
        Slices.
    coefficients : ndarray
        (K, Z, Y, X) complex64 that fill up slice by slice, NaN before.
    finished : int or None
        The slice that was finished just now.
    """

    done: float
    total: int
    coefficients: NDArray[np.complex64]
    finished: int | None = None


def making_subspace_series(
    raw: RawData,
    sequence: Sequence,
    *,
    rank: int | None = None,
    coils: int | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> Generator[ImagesUpdate, None, MRFSeries]:
    """Reconstruct the images of raw data; one slice is in memory at a time.

    Parameters
    ----------
    raw : RawData
        With a trajectory.
    sequence : Sequence
        That was played.
    rank : int, optional
        Coefficients; see `make_pulse_basis`.
    coils : int, optional
        Virtual coils, at most those that measured; by default the fewest that hold the signal.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` …
    workers : int, optional
        Threads; results do not depend on it.

    Yields
    ------
    ImagesUpdate
        At least once a second or so: chances to show progress and to cancel.

    Returns
    -------
    MRFSeries
        Its frames are made slice by slice when they are read.

    Raises
    ------
    MRFInputError
        ``"no-trajectory"``, ``"readouts-mismatch"``, ``"bad-noise-scan"``, ``"no-signal"``,
        ``"bad-option"``, ``"no-device"``, and what reading raises.
    """
    raw = raw.with_sequence(sequence)
    target = resolve_device(device)
    basis = cached_pulse_basis(sequence, rank)
    shape = (basis.rank, raw.n_slices, *raw.matrix)
    coefficients = np.full(shape, complex(np.nan, np.nan), np.complex64)
    yield ImagesUpdate(0.0, raw.n_slices, coefficients)
    whitener = None if raw.noise is None else whitening(raw.noise)
    shared: tuple[Any, SubspaceReconstruction] | None = None
    steps, used = [], []
    for z in range(raw.n_slices):
        places, pulses = _trajectory(raw, z), raw.pulses(z)
        if shared is None or shared[0] is not places:
            shared = places, SubspaceReconstruction(
                basis.vectors[pulses], basis.singular_values, places, raw.matrix,
                device=target, workers=workers,
            )  # fmt: skip
        samples = raw.read(z)
        yield ImagesUpdate(z, raw.n_slices, coefficients)
        samples = _alike(samples, whitener, coils, raw, z)
        working = Steps(shared[1].reconstructing(samples))
        for share in working:
            yield ImagesUpdate(z + share, raw.n_slices, coefficients)
        found = working.result
        coefficients[:, z] = found.images
        steps.append(found.steps)
        used.append(len(samples))
        yield ImagesUpdate(z + 1.0, raw.n_slices, coefficients, finished=z)
    import dask.array

    signal = SubspaceSignal(basis.by_frame(), coefficients)
    metadata = {
        "images": "subspace",
        "rank": basis.rank,
        "left_out_by_the_basis": basis.left_out,
        "solver_steps": steps,
        "coils": raw.n_coils,
        "virtual_coils": used,
        "noise_whitened": whitener is not None,
        "raw": raw.provenance(),
    }
    return MRFSeries(
        dask.array.from_array(signal, chunks=(signal.shape[0], 1, *raw.matrix), name=False),
        affine=raw.affine,
        sequence=sequence,
        source_path=str(raw.source_path),
        source_sha256=raw.source_sha256,
        metadata=metadata,
    )


def _trajectory(raw: RawData, z: int) -> NDArray[np.float64]:
    places = raw.coordinates(z)
    if places is None:
        raise MRFInputError(
            "no-trajectory", "the raw data do not say where in k-space they were measured",
            path=raw.source_path,
            hint="Name the trajectory: --trajectory golden-angle, or a Pulseq .seq file.",
        )  # fmt: skip
    return places


def _alike(
    samples: NDArray[np.complex64],
    whitener: NDArray[np.complex128] | None,
    coils: int | None,
    raw: RawData,
    z: int,
) -> NDArray[np.complex64]:
    """Return the samples of a slice in virtual coils of equal, independent noise."""
    if coils is not None and not 1 <= coils <= raw.n_coils:
        raise MRFInputError("bad-option", "the number of virtual coils is out of range",
                            expected=f"1 to {raw.n_coils}", found=coils)  # fmt: skip
    if not samples.any():
        raise MRFInputError("no-signal", f"slice {z} of the raw data holds zeros only",
                            path=raw.source_path)  # fmt: skip
    if whitener is not None:
        samples = mixed(whitener, samples)
    return mixed(compression(samples, coils), samples)
