"""Series in HDF5 as this package keeps them: everything in one file, with checksums.

``/mrf_subspace`` holds coefficient images, their basis and what is known of their noise;
``/mrf_frames`` the frames of any other series. Affine, sequence and record stand beside them, so
that no sidecar is needed.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import h5py
import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data import strict_json
from napari_mrf.data.sequence import Sequence
from napari_mrf.data.subspace_signal import CoefficientNoise, SubspaceSignal
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import reserve
from napari_mrf.io.formats import hdf5
from napari_mrf.io.formats.hdf5 import HDF5Array, open_array
from napari_mrf.io.formats.hdf5_child import refuse_endless
from napari_mrf.io.formats.hdf5_guard import check_dataset, get_dataset, open_checked
from napari_mrf.io.formats.source import Source, sha256_of
from napari_mrf.io.series.views import view_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from napari_mrf.data.series import MRFSeries

SUBSPACE, FRAMES = "mrf_subspace", "mrf_frames"
LEAST_BYTES = 96
FORMAT, VERSION = "napari-mrf series", 1
_PARTS: dict[str, tuple[str, DTypeLike]] = {
    "basis": ("TK", "c8"),
    "coefficients": ("KZYX", "c8"),
    "noise/covariance": ("ZKK", "c8"),
    "noise/error_covariance": ("ZKK", "c8"),
    "noise/scale": ("ZYX", "f4"),
    "frames": ("TZYX", "c8"),
    "affine": ("44", "f8"),
}
"""Axes and type of every array: T frames, K coefficients, Z, Y, X voxels."""
_NEEDED = {SUBSPACE: ("basis", "coefficients"), FRAMES: ("frames",)}
_NOISE = tuple(name for name in _PARTS if name.startswith("noise/"))
_MOST_TEXT_BYTES = 20_000_000
_ROOM_BYTES = 1 << 16  # for the tables of a file
_PIECE_BYTES = 1 << 20  # what the HDF5 library keeps in memory of a dataset
_OF_A_FILE = ("format", "stored_type", "dataset", "axes", "reading", "sources", "frames_first")
"""What `load_series` records of a file, and not of the images in it."""


@dataclass(frozen=True)
class _Stored:
    """What a file holds; coefficients and frames stay on the disk."""

    home: str
    arrays: dict[str, HDF5Array]
    sequence: Sequence | None
    warnings: tuple[str, ...]
    metadata: dict[str, Any]


def matches(head: bytes, path: Path) -> bool:
    """Return whether a file is an HDF5 file with one of the two groups."""
    if not hdf5.matches(head, path) or len(head) < LEAST_BYTES:
        return False  # a file that is too short is told as such
    refuse_endless(path, None, ".series.stored")
    with open_checked(path) as file:
        return bool(_homes(file))


def read(path: Path, dataset: str | None = None) -> Source:
    """Read a series; `dataset` means nothing here.

    Raises
    ------
    MRFInputError
        ``"bad-series"`` for parts that are missing or contradict one another; ``"bad-json"``,
        ``"bad-sequence"``, and what HDF5 files raise.
    """
    if dataset is not None:
        raise MRFInputError("bad-dataset", "the file contains one series only", path=path,
                            expected="no dataset", found=repr(dataset))  # fmt: skip
    found, sha256 = find(path, None), sha256_of(path)
    arrays = found.arrays
    affine = _whole(arrays["affine"], path) if "affine" in arrays else None
    metadata = {**found.metadata, "format": f"HDF5 of napari-mrf, {found.home}"}
    array: Any
    if found.home == FRAMES:
        array = arrays["frames"]
    else:
        coefficients = view_of(Source(path, sha256, arrays["coefficients"]), "TZYX")
        array = SubspaceSignal(_whole(arrays["basis"], path), coefficients, _noise(arrays, path))
    told = [text for part in arrays.values() for text in part.warnings]
    if affine is None:
        told.append("The file contains no geometry. Volumes are not available, and the display is "
                    "in voxels.")  # fmt: skip
    return Source(path, sha256, array, axes="TZYX", affine=affine, warnings=tuple(told),
                  metadata=metadata, is_whole=True, sequence=found.sequence,
                  kept_warnings=found.warnings)  # fmt: skip


def find(path: Path, dataset: str | None) -> _Stored:
    """Return what a file holds, checked; see `read`."""
    with open_checked(path) as file:
        homes = _homes(file)
        if len(homes) != 1:
            _refuse("the file holds none or several series", path, found=", ".join(homes) or None)
        home = homes[0]
        record = strict_json.loads(_text(file, f"{home}/record", path), path=path)
        warnings, metadata = _understood(record, path)
        arrays = {
            name: array for name in _PARTS
            if (array := open_array(file, f"{home}/{name}", path, is_reversed=False)) is not None
        }  # fmt: skip
        _check(home, arrays, path)
        sequence = None
        if get_dataset(file, f"{home}/sequence", path) is not None:
            sequence = Sequence.from_json(_text(file, f"{home}/sequence", path), path=path)
    return _Stored(home, arrays, sequence, warnings, metadata)


def _homes(file: h5py.File) -> list[str]:
    return [
        name for name in (SUBSPACE, FRAMES)
        if isinstance(file.get(name, getlink=True), h5py.HardLink)
        and file.get(name, getclass=True) is h5py.Group
    ]  # fmt: skip


def _text(file: h5py.File, name: str, path: Path) -> str:
    dataset = get_dataset(file, name, path)
    if dataset is None or dataset.dtype.kind != "S" or dataset.shape != (1,):
        _refuse(f"{name!r} is no text", path)
    check_dataset(dataset, path)
    if dataset.dtype.itemsize > _MOST_TEXT_BYTES:
        _refuse(f"{name!r} is too long", path, expected=f"at most {_MOST_TEXT_BYTES} bytes",
                found=dataset.dtype.itemsize)  # fmt: skip
    try:
        return str(bytes(dataset[0]).decode("utf-8"))
    except UnicodeDecodeError:
        _refuse(f"{name!r} is no text", path)


def _understood(record: Any, path: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the warnings and the metadata of a record."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        _refuse("the record is not that of a series", path, expected=FORMAT)
    if record.get("version") != VERSION:
        raise MRFInputError("bad-series", "the file is of another version", path=path,
                            expected=VERSION, found=repr(record.get("version"))[:40],
                            hint="Open it with the newest napari-mrf.")  # fmt: skip
    warnings, metadata = record.get("warnings"), record.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(warnings, list) or not all(
        isinstance(one, str) for one in warnings
    ):  # fmt: skip
        _refuse("the record lacks its warnings or its metadata", path)
    return tuple(warnings), kept_metadata(metadata)


def _check(home: str, arrays: dict[str, HDF5Array], path: Path) -> None:
    """Refuse arrays that are missing, of another type, or do not fit one another."""
    sizes = {"4": 4}
    needed = _NEEDED[home] + (_NOISE if set(_NOISE) & set(arrays) else ())
    missing = [name for name in needed if name not in arrays]
    if missing:
        _refuse("arrays are missing", path, expected=", ".join(missing))
    for name, array in arrays.items():
        axes, dtype = _PARTS[name]
        if array.stored_dtype.newbyteorder("=") != np.dtype(dtype):
            _refuse(f"{name!r} has numbers of another type", path, expected=str(np.dtype(dtype)),
                    found=str(array.stored_dtype)[:60])  # fmt: skip
        expected = tuple(sizes.get(letter, "any") for letter in axes)
        fits = len(axes) == array.ndim and all(
            sizes.setdefault(letter, n) == n for letter, n in zip(axes, array.shape, strict=True)
        )
        if not fits:
            _refuse(f"{name!r} does not fit the other arrays", path, found=str(array.shape)[:60],
                    expected=f"({', '.join(map(str, expected))})")  # fmt: skip


def _whole(array: HDF5Array, path: Path) -> NDArray[Any]:
    """Read an array into memory, refusing numbers that are not finite."""
    refuse_beyond_memory(math.prod(array.shape) * array.dtype.itemsize, repr(array.name), path)
    values = array[(slice(None),) * array.ndim]
    if not np.all(np.isfinite(values)):
        _refuse(f"{array.name!r} holds numbers that are not finite", path)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _noise(arrays: dict[str, HDF5Array], path: Path) -> CoefficientNoise | None:
    if _NOISE[0] not in arrays:
        return None
    noise = CoefficientNoise(**{name.removeprefix("noise/"): _whole(arrays[name], path)
                                for name in _NOISE})  # fmt: skip
    variances = np.stack([np.diagonal(one, axis1=1, axis2=2).real
                          for one in (noise.covariance, noise.error_covariance)])  # fmt: skip
    if min(variances.min(), noise.scale.min()) < 0:
        _refuse("the noise has negative variances", path)
    return noise


def _refuse(what: str, path: Path, **details: Any) -> NoReturn:
    hint = "Write the file again, or copy it again."
    raise MRFInputError("bad-series", what, path=path, hint=hint, **details)


def write_stored(path: Path, series: MRFSeries) -> None:
    """Write a series to a path, slice by slice.

    Parameters
    ----------
    path : Path
        Need not end in any way.
    series : MRFSeries
        Its coefficients are written where it has any, else its frames. The mask is not.
    """
    subspace = series.subspace
    arrays: dict[str, Any] = {"affine": series.affine}
    if subspace is None:
        home, arrays["frames"] = FRAMES, series.signal
    else:
        home = SUBSPACE
        arrays |= {"basis": subspace.basis, "coefficients": subspace.coefficients}
        if subspace.noise is not None:
            arrays |= {name: getattr(subspace.noise, name.removeprefix("noise/"))
                       for name in _NOISE}  # fmt: skip
    record = {"format": FORMAT, "version": VERSION, "warnings": series.kept_warnings,
              "metadata": kept_metadata(series.metadata)}  # fmt: skip
    texts = {"record": json.dumps(record, allow_nan=False)}
    if series.sequence is not None:
        texts["sequence"] = series.sequence.to_json()
    sizes = [math.prod(one.shape) * np.dtype(_PARTS[name][1]).itemsize
             for name, one in arrays.items() if one is not None]  # fmt: skip
    reserve(path, int(1.01 * sum(sizes)) + sum(map(len, texts.values())) + _ROOM_BYTES)
    with h5py.File(path, "w") as file:
        group = file.create_group(home)
        for name, text in texts.items():
            group.create_dataset(name, data=np.array([text.encode()]), chunks=(1,), fletcher32=True)
        for name, values in arrays.items():
            if values is not None:
                _write(group, name, values)


def kept_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is recorded of the images themselves, whatever file they are read from."""
    return {key: value for key, value in metadata.items() if key not in _OF_A_FILE}


def _write(group: h5py.Group, name: str, values: Any) -> None:
    dtype, shape = np.dtype(_PARTS[name][1]), tuple(values.shape)
    if len(shape) != 4:
        group.create_dataset(name, data=np.asarray(values, dtype), chunks=shape, fletcher32=True)
        return
    n, n_slices, n_rows, n_columns = shape
    n_pieces = -(-n_rows * n * n_columns * dtype.itemsize // _PIECE_BYTES)
    rows = -(-n_rows // min(n_rows, n_pieces))
    dataset = group.create_dataset(name, shape, dtype, chunks=(n, 1, rows, n_columns),
                                   fletcher32=True)  # fmt: skip
    for z in range(n_slices):
        dataset[:, z] = np.asarray(values[:, z], dtype)
