"""MetaImage files out: compressed, the same bytes for the same numbers."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.geometry import LPS_TO_RAS
from napari_mrf.io.formats.metaimage import TYPES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_NAMES = {np.dtype(f"<{code}"): name for name, code in reversed(TYPES.items())}


def write_volume(path: Path, values: NDArray[Any], affine: NDArray[np.float64] | None) -> None:
    """Write a (Z, Y, X) volume as ``.mha``; complex numbers as two channels.

    Parameters
    ----------
    path : Path
        The file to write.
    values : ndarray
        Whole numbers, float32, float64, complex64 or complex128.
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm (RAS); without it no spacing is written.
    """
    is_complex = values.dtype.kind == "c"
    numbers = np.ascontiguousarray(values)
    if is_complex:
        numbers = numbers.view(numbers.real.dtype)
    numbers = numbers.astype(numbers.dtype.newbyteorder("<"), copy=False)
    packed = zlib.compress(numbers.tobytes(), 6)
    lines = ["ObjectType = Image", "NDims = 3", "BinaryData = True",
             "BinaryDataByteOrderMSB = False", "CompressedData = True",
             f"CompressedDataSize = {len(packed)}"]  # fmt: skip
    if affine is not None:
        lps = LPS_TO_RAS @ affine
        sizes = np.linalg.norm(lps[:3, :3], axis=0)
        # The direction of each axis, one after the other.
        lines += [f"TransformMatrix = {_text((lps[:3, :3] / sizes).T.ravel())}",
                  f"Offset = {_text(lps[:3, 3])}", "CenterOfRotation = 0 0 0",
                  f"ElementSpacing = {_text(sizes)}"]  # fmt: skip
    lines += [f"DimSize = {' '.join(map(str, values.shape[::-1]))}"]
    lines += ["ElementNumberOfChannels = 2"] if is_complex else []
    lines += [f"ElementType = {_NAMES[numbers.dtype]}", "ElementDataFile = LOCAL"]
    path.write_bytes(("\n".join(lines) + "\n").encode("ascii") + packed)


def _text(numbers: NDArray[np.float64]) -> str:
    return " ".join(repr(float(number) + 0.0) for number in numbers)
