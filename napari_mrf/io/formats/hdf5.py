"""HDF5 files: any dataset, and the layout that published fingerprinting code uses (pymia)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.hdf5_child import refuse_endless
from napari_mrf.io.formats.hdf5_guard import (
    SIGNATURE,
    arrays,
    beside,
    check_dataset,
    get_dataset,
    is_number,
    open_checked,
)
from napari_mrf.io.formats.hdf5_pieces import in_written, missing_filter, written_pieces
from napari_mrf.io.formats.source import FileStamp, Source, choose_error, chosen_array, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


_PYMIA_AXES = {4: "XYTC", 5: "XYZTC"}


def matches(head: bytes, path: Path) -> bool:
    """Return whether the first bytes are those of an HDF5 file."""
    return head.startswith(SIGNATURE) or head[512:520] == SIGNATURE


def read(path: Path, dataset: str | None = None) -> Source:
    """Read the dataset of that name, or the only one that can be a series.

    In a pymia file (``data/…`` beside ``meta/subjects``) real arrays that end in an axis of
    two are X, Y, (Z,) T and real/imaginary part.

    Raises
    ------
    MRFInputError
        ``"truncated"``, ``"corrupt-hdf5"``, ``"bad-dataset"``, ``"declared-size"``,
        ``"security-link"``, ``"security-external"``, ``"security-virtual"``.
    """
    refuse_endless(path, dataset, "hdf5")
    array, is_pymia = find(path, dataset)
    pairs = is_pymia and array.dtype.kind != "c" and array.shape[-1] == 2
    return Source(path, sha256_of(path), array,
                  arrays=beside(path, array.name),
                  axes=_PYMIA_AXES.get(array.ndim) if pairs else None,
                  space="XYZ" if pairs else "", warnings=array.warnings,
                  metadata={"format": "HDF5 (pymia)" if is_pymia else "HDF5", "dataset": array.name,
                            "stored_type": str(array.stored_dtype)})  # fmt: skip


def find(path: Path, dataset: str | None) -> tuple[HDF5Array, bool]:
    """Return the array of a file, and whether its layout is that of pymia; see `read`."""
    with open_checked(path) as file:
        is_pymia = _is_pymia(file)
        name = dataset.strip("/") if dataset else _choose(file, path, is_pymia)
        array = open_array(file, name, path, is_reversed=False)
        if array is None:
            raise choose_error(path, dataset, sorted(arrays(file, path)))
    return array, is_pymia


def _is_pymia(file: h5py.File) -> bool:
    for name in ("data", "meta"):
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            return False
    meta = file["meta"]
    return isinstance(meta, h5py.Group) and "subjects" in meta


def _choose(file: h5py.File, path: Path, is_pymia: bool) -> str:
    found = arrays(file, path)
    names = sorted(found)
    if is_pymia:
        likely = [
            name
            for name in names
            if name.startswith("data/") and found[name].ndim >= 4 and found[name].shape[-1] == 2
        ]
        names = likely or names
    return chosen_array(path, None, names)


@dataclass(frozen=True)
class HDF5Array:
    """A dataset, opened whenever it is sliced.

    It holds no open file and can be sent to another process.

    Parameters
    ----------
    file : FileStamp
        The file.
    name : str
        Of the dataset.
    shape : tuple of int
        As the axes are counted here.
    stored_dtype : numpy.dtype
        As h5py gives it.
    is_reversed : bool
        Whether the file counts the axes the other way round (MATLAB).
    pieces : tuple of ndarray and tuple of int, or None
        Which pieces were written, and their size, as the file counts the axes; None where all
        were. Numbers that were never written are NaN.
    """

    file: FileStamp
    name: str
    shape: tuple[int, ...]
    stored_dtype: np.dtype[Any]
    is_reversed: bool
    pieces: tuple[NDArray[np.bool_], tuple[int, ...]] | None = field(default=None, compare=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should read about the dataset."""
        if self.pieces is None:
            return ()
        written = self.pieces[0]
        n_missing = written.size - np.count_nonzero(written)
        return (f"{n_missing} of {written.size} pieces (chunks) of {self.name!r} were never "
                "written: their values are missing (NaN), not zero.",)  # fmt: skip

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers; pairs of real and imaginary part are complex."""
        if self.stored_dtype.names is None:
            return self.stored_dtype
        single = self.stored_dtype["real"].itemsize <= 4
        return np.dtype(np.complex64 if single else np.complex128)

    def __getitem__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        self.file.check()
        path = self.file.path
        index = index[::-1] if self.is_reversed else index
        with open_checked(path) as file:
            dataset = file[self.name]
            try:
                values = dataset[index]
            except Exception as error:
                raise missing_filter(dataset, path) or error from None
        if values.dtype.names is not None:
            pairs, values = values, np.empty(values.shape, self.dtype)
            values.real, values.imag = pairs["real"], pairs["imag"]
        if self.pieces is not None:
            shape = self.shape[::-1] if self.is_reversed else self.shape
            values[~in_written(*self.pieces, shape, index)] = np.nan
        return np.asarray(values.T if self.is_reversed else values)


def open_array(file: h5py.File, name: str, path: Path, *, is_reversed: bool) -> HDF5Array | None:
    """Return a dataset by name, checked, or None where there is none.

    Raises
    ------
    MRFInputError
        What `get_dataset` and `check_dataset` raise; ``"not-numeric"``; ``"corrupt-hdf5"``
        where its last number cannot be read.
    """
    stamp = FileStamp.of(path)
    dataset = get_dataset(file, name, path)
    if dataset is None:
        return None
    check_dataset(dataset, path)
    if not is_number(dataset.dtype):
        raise MRFInputError("not-numeric", f"{name!r} does not contain numbers", path=path,
                            found=str(dataset.dtype))  # fmt: skip
    shape = tuple(int(n) for n in dataset.shape)
    missing_filter(dataset, path)  # brings the filters of a plugin, where it can
    written = written_pieces(dataset)
    pieces = None if written is None else (written, dataset.chunks)
    array = HDF5Array(stamp, name, shape[::-1] if is_reversed else shape, dataset.dtype,
                      is_reversed, pieces)  # fmt: skip
    _ = array[tuple(slice(n - 1, n) for n in array.shape)]
    return array
