"""A real-valued, upright picture of a complex series that is computed when it is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_mrf.data.orientation import DisplayOrientation

COMPONENTS: dict[str, Callable[[NDArray[Any]], NDArray[np.float32]]] = {
    "magnitude": lambda values: np.abs(values).astype(np.float32),
    "phase": lambda values: np.angle(values).astype(np.float32),
    "real": lambda values: values.real.astype(np.float32),
    "imaginary": lambda values: values.imag.astype(np.float32),
}
"""Functions of a complex number that can be shown, by name; the phase in radian."""


class ComponentView:
    """Array-like (frame, slice, row, column) float32 over a complex (T, Z, Y, X) series.

    Only what is indexed is read and converted: indices are carried back to file order first,
    so that one frame of a file larger than memory costs one frame.

    Parameters
    ----------
    signal : ndarray or dask array
        Complex (T, Z, Y, X).
    orientation : DisplayOrientation
        How file order becomes screen order.
    component : str
        A key of `COMPONENTS`.
    """

    def __init__(self, signal: Any, orientation: DisplayOrientation, component: str) -> None:
        self._signal = signal
        self._orientation = orientation
        self._convert = COMPONENTS[component]
        self.component = component
        self.dtype = np.dtype(np.float32)
        self.ndim = 4

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(frames, slices, rows, columns)."""
        frames, *spatial = (int(n) for n in self._signal.shape)
        return (frames, *(spatial[axis] for axis in self._orientation.axes))  # type: ignore[return-value]

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        keys = self._expand(key if isinstance(key, tuple) else (key,))
        file_axes = (0, *(1 + axis for axis in self._orientation.axes))
        flips = (False, *self._orientation.flips)
        file_keys: list[Any] = [slice(None)] * 4
        for one, axis, flip, length in zip(keys, file_axes, flips, self.shape, strict=True):
            file_keys[axis] = _reverse(one, length) if flip else one
        # One axis at a time: integer arrays must not be paired up with one another.
        values = self._signal
        for axis in reversed(range(4)):
            values = values[(slice(None),) * axis + (file_keys[axis],)]
        kept = [axis for axis, one in zip(file_axes, keys, strict=True) if not isinstance(one, int)]
        order = tuple(sorted(kept).index(axis) for axis in kept)
        return self._convert(np.asarray(values)).transpose(order)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return everything at once; for small series only."""
        return np.asarray(self[...], dtype=dtype)

    def _expand(self, key: tuple[Any, ...]) -> list[Any]:
        if any(one is Ellipsis for one in key):
            at = next(i for i, one in enumerate(key) if one is Ellipsis)
            key = (*key[:at], *(slice(None),) * (5 - len(key)), *key[at + 1 :])
        full = [*key, *(slice(None),) * (4 - len(key))]
        return [_checked(one, length) for one, length in zip(full, self.shape, strict=True)]


def _checked(one: Any, length: int) -> Any:
    if isinstance(one, slice):
        return one
    if np.ndim(one) == 0:
        index = int(one)
        if not -length <= index < length:
            raise IndexError(f"index {index} is out of bounds for an axis of {length}")
        return index % length
    return np.asarray(one)


def _reverse(one: Any, length: int) -> Any:
    """Return the index on the unflipped axis of an index on the flipped one."""
    if not isinstance(one, slice):
        return length - 1 - one
    start, stop, step = one.indices(length)
    count = len(range(start, stop, step))
    first = length - 1 - start
    last = first - step * count
    return slice(first, None if last < 0 else last, -step)
