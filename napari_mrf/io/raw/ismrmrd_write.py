"""Raw data as an ISMRMRD file: records and header as the library of the format defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from ismrmrd import ACQ_IS_NOISE_MEASUREMENT, xsd
from ismrmrd.hdf5 import acquisition_dtype

from napari_mrf.io.atomic import reserve
from napari_mrf.io.raw.placement import LPS_TO_RAS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_RECORDS_A_PIECE = 16
_PROTONS_AT_3_T_HZ = 127_740_000


def write_ismrmrd(
    path: Path, slices: Sequence[NDArray[np.complex64]], coordinates: NDArray[np.floating],
    noise: NDArray[np.complex64], *, matrix: tuple[int, int], affine: NDArray[np.float64] | None,
    dwell_time_us: float, encoded: tuple[int, int] | None = None, trajectory: str = "radial",
) -> None:  # fmt: skip
    """Write slices with their trajectory, a noise scan and their geometry.

    Parameters
    ----------
    path : Path
        An ``.h5`` file that is written anew.
    slices : sequence of ndarray
        (coils, readouts, samples) complex64, from the first slice on.
    coordinates : ndarray
        (readouts, samples, 2), (ky, kx) in cycles/voxel, of every slice.
    noise : ndarray
        (coils, samples) complex64, as noisy as the readouts.
    matrix : tuple of int
        (Y, X) of the images.
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm (RAS); None writes voxels of 1 mm in no place.
    dwell_time_us : float
        From one sample to the next.
    encoded : tuple of int, optional
        (Y, X) voxels across the encoded field of view, where it is larger than that of the images.
    trajectory : str
        For the header.
    """
    grid = np.eye(4) if affine is None else affine
    sizes = np.linalg.norm(grid[:3, :3], axis=0)
    directions = (grid[:3, :3] / sizes).T * LPS_TO_RAS
    n_readouts = len(coordinates)
    trajectory_xy = np.ascontiguousarray(coordinates[..., ::-1], np.float32)
    n_numbers = sum(one.size for one in slices) + len(slices) * coordinates.size + noise.size
    reserve(path, 8 * n_numbers + 1000 * len(slices) * n_readouts)
    with h5py.File(path, "w") as file:
        group = file.create_group("dataset")
        text = _header(matrix, encoded or matrix, sizes, n_readouts, trajectory)
        group.create_dataset("xml", data=[text.encode()], dtype=h5py.string_dtype())
        first = _records(noise[:, None], np.empty((1, 0), np.float32), dwell_time_us)
        first["head"]["flags"] = 1 << (ACQ_IS_NOISE_MEASUREMENT - 1)
        data = group.create_dataset(
            "data", data=first, maxshape=(None,), chunks=(_RECORDS_A_PIECE,)
        )
        for z, samples in enumerate(slices):
            made = _records(samples, trajectory_xy, dwell_time_us)
            head = made["head"]
            head["idx"]["slice"], head["idx"]["kspace_encode_step_1"] = z, np.arange(n_readouts)
            head["scan_counter"] = 1 + z * n_readouts + np.arange(n_readouts)
            if affine is not None:
                center = grid @ [matrix[1] // 2, matrix[0] // 2, z, 1.0]
                head["position"] = center[:3] * LPS_TO_RAS
                head["read_dir"], head["phase_dir"], head["slice_dir"] = directions
            data.resize(len(data) + n_readouts, axis=0)
            data[-n_readouts:] = made


def _records(
    samples: NDArray[np.complex64], trajectory: NDArray[np.float32], dwell_time_us: float
) -> NDArray[Any]:
    """Return the records of readouts (coils, readouts, samples) in the type of the library."""
    n_coils, n_readouts, n_samples = samples.shape
    made = np.zeros(n_readouts, acquisition_dtype)
    head = made["head"]
    head["version"] = 1
    head["active_channels"] = head["available_channels"] = n_coils
    head["number_of_samples"] = n_samples
    head["sample_time_us"] = dwell_time_us
    if trajectory.size:
        head["trajectory_dimensions"], head["center_sample"] = 2, n_samples // 2
    for row in range(n_readouts):
        made["data"][row] = np.ascontiguousarray(samples[:, row]).view(np.float32).ravel()
        made["traj"][row] = trajectory[row].ravel()
    return made


def _header(
    matrix: tuple[int, int], encoded: tuple[int, int], sizes: NDArray[np.float64],
    n_readouts: int, trajectory: str,
) -> str:  # fmt: skip
    def space(voxels: tuple[int, int]) -> xsd.encodingSpaceType:
        return xsd.encodingSpaceType(
            matrixSize=xsd.matrixSizeType(x=voxels[1], y=voxels[0], z=1),
            fieldOfView_mm=xsd.fieldOfViewMm(
                x=float(voxels[1] * sizes[0]), y=float(voxels[0] * sizes[1]), z=float(sizes[2])
            ),
        )

    limits = xsd.encodingLimitsType(
        kspace_encoding_step_1=xsd.limitType(minimum=0, maximum=n_readouts - 1, center=0)
    )
    encoding = xsd.encodingType(
        encodedSpace=space(encoded), reconSpace=space(matrix), encodingLimits=limits,
        trajectory=xsd.trajectoryType(trajectory),
    )  # fmt: skip
    conditions = xsd.experimentalConditionsType(H1resonanceFrequency_Hz=_PROTONS_AT_3_T_HZ)
    return str(xsd.ToXML(xsd.ismrmrdHeader(experimentalConditions=conditions, encoding=[encoding])))
