"""Small series on disk, written by the libraries of each format and not by the code under test."""

import nibabel
import numpy as np
import pytest

from napari_mrf.data import sequences

AFFINE = np.array(
    [[0.0, -2.0, 0.0, 31.0], [1.5, 0.0, 0.0, -22.0], [0.0, 0.0, 8.0, 7.0], [0.0, 0.0, 0.0, 1.0]]
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep unpacked files out of the user's cache."""
    folder = tmp_path / "cache of the test"
    monkeypatch.setattr("napari_mrf.io.formats.gzip_cache.cache_folder", lambda: folder)
    return folder


@pytest.fixture(scope="session")
def sequence():
    return sequences.t1ff()


@pytest.fixture(scope="session")
def affine():
    return AFFINE.copy()


@pytest.fixture(scope="session")
def image():
    """Complex (X, Y, Z, T) = (4, 3, 2, 175), as it stands in a NIfTI file."""
    numbers = np.random.default_rng(1).standard_normal((2, 4, 3, 2, 175))
    values = (numbers[0] + 1j * numbers[1]).astype(np.complex64)
    values.setflags(write=False)
    return values


@pytest.fixture
def nifti(tmp_path, affine):
    """Write an array as NIfTI with nibabel and return its path."""

    def write(values, name="series.nii", *, geometry=affine, kind=nibabel.Nifti1Image):
        path = tmp_path / name
        nibabel.save(kind(values, geometry), path)
        return path

    return write


@pytest.fixture
def patch_header():
    """Change fields of the header of an uncompressed NIfTI-1 file in place."""

    def patch(path, **fields):
        content = bytearray(path.read_bytes())
        header = nibabel.Nifti1Header(bytes(content[:348]), check=False)
        for name, value in fields.items():
            header[name] = value
        content[:348] = header.binaryblock
        path.write_bytes(bytes(content))
        return path

    return patch
