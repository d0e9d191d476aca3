"""Tiles of a slice, with the overlap that makes their results equal to those of the whole slice.

A network sees a slice with `margin` voxels of silence around it, which its valid convolutions
take away again. What a tile needs to give the same is known from the zoo: the voxels on each
side that have a say (`reach`), and where its poolings begin to count (`alignment`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.networks.zoo import NetworkInfo

_SMALLEST_SIDE = 8


@dataclass(frozen=True)
class Span:
    """One axis of a tile.

    Parameters
    ----------
    start, stop : int
        Voxels that it gives.
    seen_start, seen_stop : int
        Voxels that it looks at; below 0 and beyond the slice is silence.
    """

    start: int
    stop: int
    seen_start: int
    seen_stop: int

    @property
    def size(self) -> int:
        """Number of voxels that it gives."""
        return self.stop - self.start

    def output(self, margin: int) -> slice:
        """Return where the voxels that it gives are in what the network gives."""
        first = self.start - self.seen_start - margin
        return slice(first, first + self.size)


@dataclass(frozen=True)
class Tile:
    """Rows and columns of a tile."""

    rows: Span
    columns: Span

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns, in the slice, of the voxels that it gives."""
        return (
            slice(self.rows.start, self.rows.stop),
            slice(self.columns.start, self.columns.stop),
        )

    def seen(self, slab: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Return the fingerprints that the tile looks at, (h, w, T) of a slice (T, Y, X)."""
        spans = (self.rows, self.columns)
        shape = tuple(one.seen_stop - one.seen_start for one in spans)
        inside = tuple(
            slice(max(one.seen_start, 0), min(one.seen_stop, size))
            for one, size in zip(spans, slab.shape[1:], strict=True)
        )
        target = tuple(
            slice(part.start - one.seen_start, part.stop - one.seen_start)
            for one, part in zip(spans, inside, strict=True)
        )
        image = np.zeros((*shape, len(slab)), np.complex64)
        image[target] = np.moveaxis(slab[:, inside[0], inside[1]], 0, -1)
        return image


def tiles_of(wanted: NDArray[np.bool_], info: NetworkInfo, n_voxels: float) -> list[Tile]:
    """Return tiles that cover all wanted voxels of a slice.

    Parameters
    ----------
    wanted : ndarray of bool
        (Y, X).
    info : NetworkInfo
        Margin, reach and alignment.
    n_voxels : float
        What a tile may look at, about.
    """
    context = max(info.margin, info.reach)
    side = max(int(n_voxels**0.5) - 2 * context, _SMALLEST_SIDE)
    parts = [
        _parts(np.flatnonzero(wanted.any(axis=1 - axis)), side, info.alignment) for axis in (0, 1)
    ]
    tiles = []
    for rows in parts[0]:
        for columns in parts[1]:
            here = np.nonzero(wanted[slice(*rows), slice(*columns)])
            if len(here[0]):
                spans = [
                    _trimmed(span, places, info.alignment)
                    for span, places in zip((rows, columns), here, strict=True)
                ]
                tiles.append(tile_of(spans[0], spans[1], wanted.shape, info))
    return tiles


def tile_of(
    rows: tuple[int, int], columns: tuple[int, int], shape: tuple[int, ...], info: NetworkInfo
) -> Tile:
    """Return the tile of rows and columns given as (start, stop), in a slice of (Y, X) voxels."""
    return Tile(_span(*rows, shape[0], info), _span(*columns, shape[1], info))


def halves(tile: Tile, shape: tuple[int, ...], info: NetworkInfo) -> list[Tile]:
    """Return the two halves of a tile along its longer side; none of the smallest one."""
    rows, columns = (tile.rows.start, tile.rows.stop), (tile.columns.start, tile.columns.stop)
    by_rows = tile.rows.size >= tile.columns.size
    start, stop = rows if by_rows else columns
    if stop - start <= max(_SMALLEST_SIDE, info.alignment):
        return []
    middle = start + -(-(stop - start) // (2 * info.alignment)) * info.alignment
    parts = [(start, middle), (middle, stop)]
    if by_rows:
        return [tile_of(part, columns, shape, info) for part in parts]
    return [tile_of(rows, part, shape, info) for part in parts]


def _parts(indices: NDArray[np.intp], side: int, alignment: int) -> list[tuple[int, int]]:
    """Return equal parts of the extent of some indices, none longer than a side."""
    if not len(indices):
        return []
    start = int(indices[0]) // alignment * alignment
    stop = int(indices[-1]) + 1
    n_parts = -(-(stop - start) // max(side // alignment * alignment, alignment))
    step = -(-(stop - start) // (n_parts * alignment)) * alignment
    return [(first, min(first + step, stop)) for first in range(start, stop, step)]


def _trimmed(span: tuple[int, int], places: NDArray[np.intp], alignment: int) -> tuple[int, int]:
    """Return a span from the first to the last of places in it, begun where tiles may begin."""
    start = span[0] + int(places.min()) // alignment * alignment
    return start, span[0] + int(places.max()) + 1


def _span(start: int, stop: int, size: int, info: NetworkInfo) -> Span:
    context = max(info.margin, info.reach)
    # Poolings count from where the whole slice begins, the silence around it included.
    first = max(start - context, -info.margin)
    first -= (first + info.margin) % info.alignment
    last = stop + context
    last += -(last + info.margin) % info.alignment
    return Span(start, stop, first, min(last, size + info.margin))
