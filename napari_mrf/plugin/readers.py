"""Readers of series, raw files and session files that are dropped or opened.

A file is a series if it is a four-dimensional complex image, or if it has a JSON sidecar with a
block "MRF"; only headers are read for this, and other images are left to other readers. In a
window it was napari that asked which reader to take, so there any file is taken (of ``.dat`` raw
files alone): the panel says what is wrong with one that is no series, and how to load it. A
session file is recognized by its name, ``*.mrf.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari

from napari_mrf.compute.steps import result_of
from napari_mrf.data.text_files import read_text
from napari_mrf.io import is_raw
from napari_mrf.io.dicom.files import holds_dicom
from napari_mrf.io.formats.registry import is_folder
from napari_mrf.plugin.panels.session.work import open_study
from napari_mrf.plugin.viewer.opening import opener_of, read_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    import numpy as np
    from napari import Viewer

    LayerData = tuple[Any, ...]

_NOTHING_YET: list[LayerData] = [(None,)]  # napari's sign for "read, and no layer now"


def get_reader(path: str | list[str]) -> Callable[[str], list[LayerData]] | None:
    """Return the reader of a series or a session file, or None for any other file.

    Parameters
    ----------
    path : str or list of str
        A file, or a folder of DICOM files. A list is a stack of images, which no series is.
    """
    if isinstance(path, list):
        return None
    if path.lower().endswith(".mrf.json"):
        return read_session
    if is_folder(Path(path)):
        return read if holds_dicom(Path(path)) else None
    if napari.current_viewer() is not None and not path.lower().endswith(".dat"):
        return read
    try:
        if napari.current_viewer() is not None:  # many other programs write such files
            return read if is_raw(path) else None
        return read if _is_series(Path(path)) else None
    except Exception:  # whatever is wrong with the file, it is for other readers to say
        return None


def read(path: str) -> list[LayerData]:
    """Open a series or raw file in the background; without a window a series, at once."""
    viewer = napari.current_viewer()
    if viewer is None:
        return [result_of(read_series(path)).layer_data()]
    open_dock(viewer)
    opener_of(viewer).open_in_turn(path)
    return _NOTHING_YET


def read_session(path: str) -> list[LayerData]:
    """Bring back what a session file names; without a window, its series alone."""
    viewer = napari.current_viewer()
    if viewer is None:
        series = result_of(open_study(Path(path))).series
        return _NOTHING_YET if series is None else [series.layer_data()]
    open_dock(viewer).session_binding.open_file(path)
    return _NOTHING_YET


def open_dock(viewer: Viewer) -> Any:
    """Open the MRF dock of a window, or bring it to the front, and return it."""
    return viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]


def _is_series(path: Path) -> bool:
    if _has_sidecar(path):
        return True
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        return _is_complex_nifti(path)
    if name.endswith(".npy"):
        return _is_complex_npy(path)
    if name.endswith(".npz"):
        return _holds_complex_npy(path)
    if name.endswith((".h5", ".hdf5", ".mat")):
        return _holds_complex_dataset(path)
    if name.endswith((".dcm", ".ima", ".mha", ".mhd")):
        return _is_part_of_complex(path)
    return False


def _has_sidecar(path: Path) -> bool:
    name = path.name
    stem = name[:-7] if name.lower().endswith(".nii.gz") else path.stem
    sidecar = path.with_name(f"{stem}.json")
    try:
        return sidecar.is_file() and "MRF" in json.loads(read_text(sidecar, "sidecar"))
    except ValueError:  # one that is not needed need not be good JSON
        return False


def _is_complex_nifti(path: Path) -> bool:
    import nibabel

    header = nibabel.load(path).header
    return len(header.get_data_shape()) == 4 and header.get_data_dtype().kind == "c"


def _is_part_of_complex(path: Path) -> bool:
    from napari_mrf.io.dicom.image import read_images
    from napari_mrf.io.formats import metaimage
    from napari_mrf.io.formats.registry import read_head

    head = read_head(path)
    if metaimage.matches(head, path):
        header = metaimage.parse_header(head, path)
        return len(header.shape) == 4 and header.n_channels == 2
    return any(image.part for image in read_images(path))


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    from numpy.lib import format as npy_format

    version = npy_format.read_magic(file)
    read = npy_format.read_array_header_1_0 if version == (1, 0) else (
        npy_format.read_array_header_2_0)  # fmt: skip
    shape, _, dtype = read(file)
    return shape, dtype


def _is_complex_npy(path: Path) -> bool:
    with path.open("rb") as file:
        shape, dtype = _npy_header(file)
    return len(shape) == 4 and dtype.kind == "c"


def _holds_complex_npy(path: Path) -> bool:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                shape, dtype = _npy_header(file)
            if len(shape) == 4 and dtype.kind == "c":
                return True
    return False


def _holds_complex_dataset(path: Path) -> bool:
    import h5py

    from napari_mrf.io.formats.hdf5_child import refuse_endless
    from napari_mrf.io.formats.registry import read_head
    from napari_mrf.io.series import stored

    if not h5py.is_hdf5(path):
        from napari_mrf.io.formats.matlab5 import array_names

        return any(len(shape) == 4 for shape in array_names(path).values())
    if stored.matches(read_head(path), path):
        return True
    refuse_endless(path, None, "hdf5")
    with h5py.File(path) as file:
        return any(
            isinstance(file.get(key, getlink=True), h5py.HardLink)
            and isinstance(file[key], h5py.Dataset)
            and file[key].ndim == 4
            and (
                file[key].dtype.kind == "c" or set(file[key].dtype.names or ()) == {"real", "imag"}
            )
            for key in file
        )
