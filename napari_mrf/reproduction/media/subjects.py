"""Subjects of the experiments on images: thigh phantoms, and the maps of a real thigh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data import sequences
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.labels import MUSCLES, label_of
from napari_mrf.phantoms.thigh.phantom import thigh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.phantoms.phantom import Phantom
    from napari_mrf.reproduction.experiment import Settings

SNR_DB = 20.0
"""SNR of a scan in vivo according to the INN paper; undersampling comes in addition."""

_FIRST_SEED, _N_PHANTOMS = 9001, 5
_N_COILS, _ENCODED_MM = 8, 350.0
_QUICK_SHAPE, _QUICK_VOXEL_MM, _QUICK_STEP = (1, 56, 60), 3.0, 3
_VOXEL_MM, _SHAPE = 1.0, (1, 170, 175)
_KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")


@dataclass(frozen=True, eq=False)
class Subject:
    """A thigh, or another region, with its truth.

    Parameters
    ----------
    name : str
    group : str
        ``"phantoms"`` or ``"in vivo"``, or the region of the body.
    truth : ParameterMaps
        NaN outside the tissue.
    labels : ndarray of int
        (Z, Y, X) muscles, 0 elsewhere.
    series : MRFSeries
        The simulated scan.
    """

    name: str
    group: str
    truth: ParameterMaps
    labels: NDArray[np.int64]
    series: MRFSeries

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Voxels with tissue, (Z, Y, X)."""
        return np.isfinite(self.truth["FF"])


def subjects(settings: Settings) -> Iterator[Subject]:
    """Measure phantoms that no network was trained on, and the real thigh where one is given.

    Radial scans of 8 spokes per frame over a field of view of 350 mm, 8 coils, 20 dB; at 1 mm
    68.7-fold undersampled, as in the paper. Quick: one phantom of 3 mm, and every third voxel
    of the real thigh.
    """
    n_phantoms = 1 if settings.quick else _N_PHANTOMS
    voxel_mm = _QUICK_VOXEL_MM if settings.quick else _VOXEL_MM
    for index in range(n_phantoms):
        phantom = thigh(
            _QUICK_SHAPE if settings.quick else _SHAPE,
            seed=_FIRST_SEED + index,
            voxel_size_mm=voxel_mm,
        )
        labels = muscles_of(phantom)
        name = f"phantom {_FIRST_SEED + index}"
        yield measured(name, "phantoms", phantom.truth(), labels, voxel_mm, index, settings)
    if settings.maps is not None:
        step = _QUICK_STEP if settings.quick else 1
        truth, labels = load_thigh(settings.maps, step=step)
        yield measured(settings.maps.stem, "in vivo", truth, labels, float(step), 100, settings)


def muscles_of(phantom: Phantom) -> NDArray[np.int64]:
    """Return the labels of a thigh phantom, 0 where there is no muscle."""
    numbers = [label_of(name, side) for name in MUSCLES for side in ("right", "left")]
    return np.where(np.isin(phantom.labels, numbers), phantom.labels, 0).astype(np.int64)


def load_thigh(path: Path, *, step: int = 1) -> tuple[ParameterMaps, NDArray[np.int64]]:
    """Read the maps of a real thigh and its muscles.

    Parameters
    ----------
    path : Path
        ``.npz`` with 2-D arrays FF, T1H2O, T1fat, Df, B1, ``foreground`` and ``rois``, voxels
        of 1 x 1 x 8 mm, such as the thigh published with the paper.
    step : int
        Take every so many-th voxel along rows and columns.

    Raises
    ------
    MRFInputError
        ``"missing-file"``, ``"unreadable-file"``, ``"missing-map"`` or ``"bad-shape"``.
    """
    arrays: dict[str, Any] = {}
    try:
        with np.load(path, allow_pickle=False) as data:
            missing = [key for key in (*_KEYS, "foreground", "rois") if key not in data]
            if missing:
                raise MRFInputError(
                    "missing-map", f"the file lacks {', '.join(missing)}", path=path,
                    expected=", ".join((*_KEYS, "foreground", "rois")),
                    found=", ".join(data.files),
                )  # fmt: skip
            for key in (*_KEYS, "foreground", "rois"):
                arrays[key] = np.asarray(data[key])[::step, ::step]
    except FileNotFoundError:
        raise MRFInputError("missing-file", "there is no such file", path=path) from None
    except (OSError, ValueError) as error:
        if isinstance(error, MRFInputError):
            raise
        raise MRFInputError(
            "unreadable-file", "the maps cannot be read", path=path, found=str(error)
        ) from None
    shapes = {values.shape for values in arrays.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 2:
        raise MRFInputError(
            "bad-shape", "the maps must be two-dimensional and have the same shape", path=path,
            found=", ".join(sorted(map(str, shapes))),
        )  # fmt: skip
    inside = arrays["foreground"].astype(bool)
    maps = {key: np.where(inside, arrays[key], np.nan)[None].astype(np.float32) for key in _KEYS}
    affine = np.diag([float(step), float(step), 8.0, 1.0])
    labels = np.where(inside, arrays["rois"], 0)[None].astype(np.int64)
    return ParameterMaps(maps, affine=affine), labels


def measured(
    name: str,
    group: str,
    truth: ParameterMaps,
    labels: NDArray[np.int64],
    voxel_mm: float,
    seed: int,
    settings: Settings,
) -> Subject:
    """Return a subject after its scan, see `subjects`."""
    series = acquire(
        truth,
        sequences.t1ff(),
        mode="radial",
        snr_db=SNR_DB,
        n_coils=_N_COILS,
        matrix_size=max(round(_ENCODED_MM / voxel_mm), *truth.spatial_shape[1:]),
        seed=seed,
        progress=lambda done, total: settings.progress(f"scan of {name}", done, total),
    )
    return Subject(name, group, truth, labels, series)
