"""The order of the axes: said by the format, the sidecar or the user, never guessed."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Sequence as Sized
    from pathlib import Path

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.io.formats.source import Source

LETTERS = "XYZTC"
"""Space, time, and C for a last-resort axis of two: real and imaginary part."""
_COMMON_ORDERS = ("XYZT", "TZYX", "XYT", "TYX", "XYZTC", "TZYXC", "XYTC", "TYXC")


def check_axes(axes: str, shape: Sized[int], path: Path) -> str:
    """Return the order in capitals, refusing one that does not name every axis once.

    Raises
    ------
    MRFInputError
        ``"bad-axes"``.
    """
    order = str(axes).upper()
    complete = set("XYT") <= set(order) <= set(LETTERS) and len(set(order)) == len(order)
    if not complete or len(order) != len(shape):
        raise MRFInputError("bad-axes", "the order of the axes does not fit the array", path=path,
                            expected=f"{len(shape)} different letters of {LETTERS} for shape "
                                     f"{tuple(shape)}, with X, Y and T among them",
                            found=repr(axes))  # fmt: skip
    if "C" in order and shape[order.index("C")] != 2:
        raise MRFInputError("bad-axes", "axis C must hold real and imaginary parts", path=path,
                            expected="2 entries",
                            found=f"{shape[order.index('C')]} entries")  # fmt: skip
    return order


def propose_axes(
    shape: Sized[int], real: bool, sequence: Sequence | None, *, usual: str | None = None
) -> tuple[str, ...]:
    """Return the likely orders of an array, for a message: where time has the right length.

    Parameters
    ----------
    shape : sequence of int
        Of the array.
    real : bool
        Whether the numbers are real, so that an axis C may be among them.
    sequence : Sequence or None
        Its frames and pulses are the lengths that time may have.
    usual : str, optional
        The order that the format has by itself: then time may stand elsewhere, but X, Y and Z
        follow one another as they do there.

    Returns
    -------
    tuple of str
        Common orders first; empty where nothing fits.
    """
    if not 3 <= len(shape) <= 5:
        return ()
    lengths = set() if sequence is None else {sequence.n_frames, sequence.n_pulses}
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
    if usual is not None:
        space = [letter for letter in usual if letter in "XYZ"]
        return tuple(
            order for order in fitting if [letter for letter in order if letter in "XYZ"] == space
        )[:3]
    in_use = [order for order in fitting if order in _COMMON_ORDERS]
    return tuple((in_use or fitting)[:3])


def axes_option(*orders: str) -> str:
    """Return how to say one of these orders, in Python and on the command line."""
    in_python = " or ".join(f'axes="{order}"' for order in orders)
    return f"{in_python} (on the command line --axes {orders[0]})"


def unknown_axes(source: Source, sequence: Sequence | None) -> MRFInputError:
    """Return the error for an array whose order nobody has said."""
    shape = tuple(source.array.shape)
    proposals = propose_axes(shape, source.array.dtype.kind != "c", sequence)
    usual = axes_option("XYZT")
    hint = f"Give the order, such as {usual}, or write it into the sidecar as AxisOrder."
    if proposals:
        hint = f"The lengths of the axes suggest {axes_option(*proposals)}: give the correct one."
    return MRFInputError("axes-unknown", "the order of the axes is not known",
                         path=source.path, expected="an order of X, Y, Z and T",
                         found=f"shape {shape}", hint=hint)  # fmt: skip
