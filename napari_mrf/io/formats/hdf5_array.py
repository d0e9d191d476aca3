"""A dataset of an HDF5 file that is read piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.hdf5_guard import (
    check_dataset,
    corrupt,
    get_dataset,
    is_number,
    open_checked,
)
from napari_mrf.io.formats.source import FileStamp

if TYPE_CHECKING:
    from pathlib import Path

    import h5py
    from numpy.typing import NDArray


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
    """

    file: FileStamp
    name: str
    shape: tuple[int, ...]
    stored_dtype: np.dtype[Any]
    is_reversed: bool

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
        try:
            with open_checked(self.file.path) as file:
                values = file[self.name][index[::-1] if self.is_reversed else index]
        except MRFInputError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise corrupt(self.file.path, error) from None
        if values.dtype.names is not None:
            pairs, values = values, np.empty(values.shape, self.dtype)
            values.real, values.imag = pairs["real"], pairs["imag"]
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
        raise MRFInputError("not-numeric", f"{name!r} holds no numbers", path=path,
                            found=str(dataset.dtype))  # fmt: skip
    shape = tuple(int(n) for n in dataset.shape)
    array = HDF5Array(stamp, name, shape[::-1] if is_reversed else shape, dataset.dtype,
                      is_reversed)  # fmt: skip
    _ = array[tuple(slice(n - 1, n) for n in array.shape)]
    return array
