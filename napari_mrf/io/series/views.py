"""Arrays of any order as (T, Z, Y, X), read from the disk only where they are looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.errors import MRFInputError
from napari_mrf.io.series.axes import ONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.io.formats.source import Source
    from napari_mrf.io.series.phase_units import PhaseScale


@dataclass(frozen=True)
class SeriesView:
    """A source seen as (T, Z, Y, X), float32 or complex64; slicing reads just what is asked.

    Parameters
    ----------
    source : Source
        Its array may be lazy.
    axes : str
        What the axes of the array are; Z may be missing, C may be there, and `ONE` for axes of
        length one that are nothing of this.
    """

    source: Source
    axes: str

    ndim = 4

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, Z, Y, X)."""
        lengths = dict(zip(self.axes, self.source.array.shape, strict=True))
        return tuple(int(lengths.get(letter, 1)) for letter in "TZYX")

    @property
    def dtype(self) -> np.dtype[Any]:
        """complex64, or float32 for real sources."""
        is_complex = self.source.array.dtype.kind == "c" or "C" in self.axes
        return np.dtype(np.complex64 if is_complex else np.float32)

    def __getitem__(self, index: tuple[Any, ...]) -> NDArray[Any]:
        # Of each axis a slice is read; what else was asked for is done in memory.
        asked = [step for step in index if step is not None]
        to_read = dict(zip("TZYX", map(_as_slice, asked, self.shape), strict=False))
        block = self.source.array[tuple(to_read.get(a, slice(None)) for a in self.axes)]
        arranged = self._arranged(np.asarray(block))
        if "Z" not in self.axes:
            arranged = arranged[:, to_read.get("Z", slice(None))]
        picked = tuple(
            step if isinstance(step, list | np.ndarray) else slice(None) for step in asked
        )
        result: NDArray[Any] = arranged[picked][tuple(_remaining(step) for step in index)]
        return result

    def _arranged(self, block: NDArray[Any]) -> NDArray[Any]:
        ones = tuple(axis for axis, letter in enumerate(self.axes) if letter == ONE)
        axes, block = self.axes.replace(ONE, ""), block.squeeze(ones)
        target = ("C" if "C" in self.axes else "") + ("TZYX" if "Z" in self.axes else "TYX")
        block = block.transpose([axes.index(letter) for letter in target])
        if "Z" not in self.axes:
            block = block[..., None, :, :]
        slope, intercept = self.source.slope, self.source.intercept
        with np.errstate(over="ignore", invalid="ignore"):
            if (slope, intercept) != (1.0, 0.0):
                # In float64: an int16 value times its slope need not fit float32 exactly.
                # NIfTI scales both parts of a complex number.
                offset = intercept * (1 + 1j) if block.dtype.kind == "c" else intercept
                block = block * np.float64(slope) + offset
            if "C" in self.axes:
                return joined(block[0], block[1])
            return block.astype(self.dtype, copy=False)


def _as_slice(step: Any, length: int) -> slice:
    if isinstance(step, slice):
        return step
    if isinstance(step, int | np.integer):
        return slice(int(step) % length, int(step) % length + 1)
    return slice(None)


def _remaining(step: Any) -> Any:
    """Return what is left of an index when its slices and lists are done."""
    if isinstance(step, int | np.integer):
        return 0
    return None if step is None else slice(None)


@dataclass(frozen=True)
class PairView:
    """Two real views as one complex series.

    Parameters
    ----------
    first, second : SeriesView
        Magnitude and phase, or real and imaginary part; equal shapes.
    phase : PhaseScale or None
        From the stored phase to radian; None for real and imaginary part.
    """

    first: SeriesView
    second: SeriesView
    phase: PhaseScale | None

    ndim = 4

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, Z, Y, X)."""
        return self.first.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """complex64."""
        return np.dtype(np.complex64)

    def __getitem__(self, index: tuple[Any, ...]) -> NDArray[np.complex64]:
        first, second = self.first[index], self.second[index]
        if self.phase is None:
            return joined(first, second)
        with np.errstate(invalid="ignore"):
            phase = second * np.float32(self.phase.factor) + np.float32(self.phase.offset)
            return joined(first * np.cos(phase), first * np.sin(phase))


def joined(real: NDArray[Any], imaginary: NDArray[Any]) -> NDArray[np.complex64]:
    """Return the complex64 array of two parts, exactly (1j * inf would make NaN)."""
    result = np.empty(real.shape, np.complex64)
    result.real, result.imag = real, imaginary
    return result


def view_of(source: Source, axes: str) -> SeriesView:
    """Return a source in series order, refusing what cannot be one.

    Raises
    ------
    MRFInputError
        ``"not-numeric"``, ``"bad-shape"``, ``"bad-axes"``, or ``"too-large"`` where not even
        one slice fits into the memory.
    """
    array = source.array
    if array.dtype.kind not in "iufc":
        raise MRFInputError("not-numeric", "the array does not contain numbers", path=source.path,
                            expected="complex or real numbers", found=str(array.dtype))  # fmt: skip
    if 0 in array.shape:
        raise MRFInputError("bad-shape", "the array is empty", path=source.path,
                            found=f"shape {tuple(array.shape)}")  # fmt: skip
    if "C" in axes and array.dtype.kind == "c":
        raise MRFInputError("bad-axes", "a complex array has no axis C", path=source.path,
                            found=repr(axes))  # fmt: skip
    view = SeriesView(source, axes)
    slice_bytes = math.prod(view.shape) // view.shape[1] * view.dtype.itemsize
    refuse_beyond_memory(slice_bytes, "one slice over all frames", source.path)
    return view


def as_signal(view: SeriesView | PairView) -> Any:
    """Return what an `MRFSeries` holds: an array in memory, or dask with a chunk per slice."""
    parts = [view] if isinstance(view, SeriesView) else [view.first, view.second]
    everything = (slice(None),) * 4
    if not any(part.source.is_lazy for part in parts):
        return view[everything]
    import dask.array

    n_frames, _, n_rows, n_columns = view.shape
    return dask.array.from_array(view, chunks=(n_frames, 1, n_rows, n_columns), name=False)
