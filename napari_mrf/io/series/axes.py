"""The order of the axes: said by the format, the sidecar or the user, never guessed."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data import sequences
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Sequence as Sized
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.io.formats.source import Source

LETTERS = "XYZTC"
"""Space, time, and C for a last-resort axis of two: real and imaginary part."""
ONE = "1"
"""In place of a letter: an axis of length one that is nothing of this."""
_MOST_ONES = 8
_MOST_OFFERED = 3
_COMMON_ORDERS = (
    "XYZT", "TZYX", "TXYZ", "XYT", "TYX", "TXY", "XYZTC", "TZYXC", "XYTC", "TYXC"
)  # fmt: skip


def check_axes(axes: str, shape: Sized[int], path: Path, sequence: Sequence | None = None) -> str:
    """Return the order in capitals with a letter for every axis, refusing one that does not fit.

    Axes of length one need no letter: they are `ONE` in what is returned, and may be so in what
    is given. Where it matters which of them these are, time is an axis that fits the sequence,
    or at least one of more than one frame.

    Raises
    ------
    MRFInputError
        ``"bad-axes"``.
    """
    order = str(axes).upper()
    letters = order.replace(ONE, "")
    complete = set("XYT") <= set(letters) <= set(LETTERS) and len(set(letters)) == len(letters)
    found: list[str] = []
    if complete:
        found = _with_ones(order, shape, sequence)
    if len(found) > 1:
        raise MRFInputError("bad-axes", "the order of the axes fits the array in several ways",
                            path=path, expected=f"one of {', '.join(found[:6])}, where {ONE} is an "
                            f"axis of length one, for shape {tuple(shape)}",
                            found=repr(axes))  # fmt: skip
    if "C" in order and len(order) == len(shape) and shape[order.index("C")] != 2:
        n = shape[order.index("C")]
        hint = f"Leave the axis of length one out: {order.replace('C', '')}." if n == 1 else None
        raise MRFInputError("bad-axes", "axis C must hold real and imaginary parts", path=path,
                            expected="2 entries", found=f"{n} entries", hint=hint)  # fmt: skip
    if not found:
        low = f"{sum(length > 1 for length in shape)} to " if 1 in shape else ""
        raise MRFInputError("bad-axes", "the order of the axes does not fit the array", path=path,
                            expected=f"{low}{len(shape)} different letters of {LETTERS} for shape "
                                     f"{tuple(shape)}, with X, Y and T among them",
                            found=repr(axes))  # fmt: skip
    return found[0]


def _with_ones(order: str, shape: Sized[int], sequence: Sequence | None) -> list[str]:
    """Return the ways of giving the axes of an array the letters of an order, `ONE` to the rest.

    Of ways that are the same for the letters, one is returned.
    """
    n_left = len(shape) - len(order)
    ones = [axis for axis, length in enumerate(shape) if length == 1]
    if not 0 <= n_left <= len(ones) <= _MOST_ONES:
        return []
    found: dict[tuple[int, ...], str] = {}
    for left in combinations(ones, n_left):
        letters = iter(order)
        full = "".join(ONE if axis in left else next(letters) for axis in range(len(shape)))
        right = {ONE: 1, "C": 2}
        if all(right.get(letter, n) == n for letter, n in zip(full, shape, strict=True)):
            rest = tuple(n for axis, n in enumerate(shape) if axis not in left)
            found.setdefault(rest, full)
    times = {full: shape[full.index("T")] for full in found.values()}
    fitting = [full for full, n in times.items() if n in _lengths(sequence)]
    return fitting or [full for full, n in times.items() if n > 1] or list(times)


def _lengths(sequence: Sequence | None) -> set[int]:
    """Return the lengths that time may have."""
    return set() if sequence is None else {sequence.n_frames, sequence.n_pulses}


def propose_axes(
    shape: Sized[int], real: bool, sequence: Sequence | None, *, space: str = ""
) -> tuple[str, ...]:
    """Return the likely orders of an array, for a message: where time has the right length.

    Parameters
    ----------
    shape : sequence of int
        Of the array.
    real : bool
        Whether the numbers are real, so that an axis C may be among them.
    sequence : Sequence or None
        Its frames and pulses are the lengths that time may have; without one, those of the known
        sequences, if any axis is as long.
    space : str
        The order of the axes of space that the format has by itself: time may stand anywhere.

    Returns
    -------
    tuple of str
        Common orders first; empty where nothing fits. Axes of length one are left out where
        they would be one too many.
    """
    lengths = _lengths(sequence) or (_known_lengths() & set(shape))
    for n_axes in range(len(shape), 2, -1):
        ones = [axis for axis, length in enumerate(shape) if length == 1]
        if len(shape) - n_axes > len(ones) or len(ones) > _MOST_ONES:
            break
        rests = {
            tuple(length for axis, length in enumerate(shape) if axis not in left): None
            for left in combinations(ones, len(shape) - n_axes)
        }
        proposals = [one for rest in rests for one in _proposed(rest, real, lengths, space)]
        if proposals:
            return tuple(dict.fromkeys(proposals))
    return ()


def _proposed(shape: Sized[int], real: bool, lengths: set[int], space: str) -> tuple[str, ...]:
    if not 3 <= len(shape) <= 5:
        return ()
    common = [order for order in _COMMON_ORDERS if len(order) == len(shape)]
    letters = {3: "XYT", 4: "XYZT", 5: "XYZTC"}[len(shape)]
    others = ["".join(order) for order in permutations(letters)]
    if real and len(shape) == 4:
        others += ["".join(order) for order in permutations("XYTC")]
    fitting = [
        order
        for order in dict.fromkeys(common + others)
        if (not lengths or shape[order.index("T")] in lengths)
        and ("C" not in order or (real and shape[order.index("C")] == 2))
    ]
    if space:
        return tuple(
            order for order in fitting
            if [letter for letter in order if letter in space]
            == [letter for letter in space if letter in order]
        )  # fmt: skip
    in_use = [order for order in fitting if order in _COMMON_ORDERS]
    return tuple(in_use or fitting)


def frames_first(shape: Sized[int], usual: str | None) -> str:
    """Return the order in which the first axis is time, if a known sequence fits only so.

    Parameters
    ----------
    shape : sequence of int
        Of the array.
    usual : str or None
        The order that the format has by itself.

    Returns
    -------
    str
        Such as ``"TXYZ"``; empty where nothing speaks for it.
    """
    if usual is None or len(usual) != len(shape) or not usual.endswith("T"):
        return ""
    lengths = _known_lengths()
    return f"T{usual[:-1]}" if shape[0] in lengths and shape[-1] not in lengths else ""


def _known_lengths() -> set[int]:
    return {n for make in sequences.NAMED.values() for n in _lengths(make())}


def suggested_parts(source: Source, axes: str, sequence: Sequence | None) -> str:
    """Return a sentence on how a real array may be meant by the lengths of its axes.

    Parameters
    ----------
    source : Source
        Of real numbers.
    axes : str
        The order in which it was read.
    sequence : Sequence or None
        Whose length time should have; without one, that of any known sequence.

    Returns
    -------
    str
        Orders with an axis of real and imaginary part; else, where time is not as long as it
        should be, those of one half of a pair; empty where nothing speaks for another order.
    """
    shape = tuple(source.array.shape)
    lengths = _lengths(sequence) or _known_lengths()
    if not lengths & set(shape):
        return ""
    orders = propose_axes(shape, True, sequence, space=source.space)
    with_parts = tuple(order for order in orders if "C" in order)
    if not with_parts and shape[axes.index("T")] in lengths:
        return ""
    return f"The lengths of the axes suggest {axes_option(*(with_parts or orders))}."


def affine_in_order(
    affine: NDArray[np.float64] | None, axes: str, shape: Sized[int]
) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the affine of (x, y, z) from that of the first three axes of a file, and warnings.

    Every voxel keeps its place in the world.

    Parameters
    ----------
    affine : ndarray or None
        (4, 4), indices along the first three axes of the array to mm.
    axes : str
        What the axes of the array are, a letter each.
    shape : sequence of int
        Of the array.
    """
    if affine is None:
        return None, ()
    columns = [axes.find(letter) for letter in "XYZ"]
    if max(columns) > 2:
        return None, (f"Read as {axes}, X, Y and Z are not the first three axes, which the header "
                      "tells the geometry of: it was left out. Volumes are not available, and the "
                      "display is in voxels.",)  # fmt: skip
    notes: tuple[str, ...] = ()
    if columns[2] < 0:  # one slice: its thickness stands where the header has a third axis
        (columns[2],) = {0, 1, 2} - set(columns)
        if shape[columns[2]] > 1:
            thickness = float(np.linalg.norm(affine[:3, columns[2]]))
            notes = (f"Read as {axes}, the file has no axis of slices: the thickness of the slice, "
                     f"{thickness:g} mm, is what the header says of axis {axes[columns[2]]}.",
                     )  # fmt: skip
    return affine[:, [*columns, 3]], notes


def axes_option(*orders: str) -> str:
    """Return how to say one of these orders, the first ones, in Python and on the command line."""
    in_python = " or ".join(f'axes="{order}"' for order in orders[:_MOST_OFFERED])
    return f"{in_python} (on the command line --axes {orders[0]})"


def unknown_axes(source: Source, sequence: Sequence | None) -> MRFInputError:
    """Return the error for an array whose order nobody has said."""
    shape = tuple(source.array.shape)
    proposals = propose_axes(shape, source.array.dtype.kind != "c", sequence, space=source.space)
    usual = axes_option("XYZT")
    hint = f"Give the order, such as {usual}, or write it into the sidecar as AxisOrder."
    if proposals:
        hint = f"The lengths of the axes suggest {axes_option(*proposals)}: give the correct one."
    return MRFInputError("axes-unknown", "the order of the axes is not known",
                         path=source.path, expected="an order of X, Y, Z and T",
                         found=f"shape {shape} of {source.array.dtype}", hint=hint)  # fmt: skip
