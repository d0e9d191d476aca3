"""One image of a series, complex in one file or in two files that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.geometry import Grid, grid_difference
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.registry import read_source
from napari_mrf.io.series.axes import check_axes, unknown_axes
from napari_mrf.io.series.pairs import find_pair
from napari_mrf.io.series.phase_units import radians_per_unit
from napari_mrf.io.series.sidecar import Sidecar, load_sidecar
from napari_mrf.io.series.views import PairView, SeriesView, as_signal, view_of

if TYPE_CHECKING:
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.io.formats.source import Source


REAL_LAYOUTS = ("magnitude", "phase", "real", "imaginary")


@dataclass(frozen=True)
class SeriesImage:
    """One file with its sidecar, and how it is seen as (T, Z, Y, X)."""

    source: Source
    sidecar: Sidecar | None
    view: SeriesView


def open_image(
    source: Source, axes: str | None, sidecar: Sidecar | None, sequence: Sequence | None
) -> SeriesImage:
    """Return a source in the order of axes that is asked for, declared or known."""
    declared = sidecar.block.AxisOrder if sidecar and sidecar.block else None
    order = axes or declared or source.axes
    if order is None:
        raise unknown_axes(source, sequence)
    order = check_axes(order, source.array.shape, source.path)
    return SeriesImage(source, sidecar, view_of(source, order))


def as_magnitude(image: SeriesImage) -> Any:
    """Return the values as a complex series without phase; negative ones are refused."""
    if _finite_range(image.view)[0] < 0:
        raise MRFInputError("not-magnitude", "the series has negative values, so it is no "
                            "magnitude", path=image.source.path)  # fmt: skip
    return as_signal(image.view).astype(np.complex64)


def open_partner(
    main: SeriesImage, axes: str | None, dataset: str | None, sequence: Sequence | None
) -> tuple[SeriesImage, str]:
    """Return the other half of a series, and which part the first one is."""
    path = main.source.path
    block = main.sidecar.block if main.sidecar else None
    pair = find_pair(path, block.ComplexLayout if block else None, block.Partner if block else None)
    if pair is None:
        raise MRFInputError("not-complex", "the series is real, fingerprints are complex",
                            path=path, expected="complex data",
                            found=str(main.source.array.dtype),
                            hint="Load magnitude and phase, or real and imaginary part, named "
                                 "_mag and _phase or _real and _imag."
                            )  # fmt: skip
    source = read_source(pair.partner, dataset)
    sidecar = load_sidecar(pair.partner)
    check_sidecar(source, sidecar)
    other = open_image(source, axes or main.view.axes, sidecar, sequence)
    if other.view.dtype.kind == "c":
        raise _unlike(main, other, "real data", "complex data")
    if other.view.shape != main.view.shape:
        raise _unlike(
            main, other, f"shape {main.source.array.shape}", f"shape {source.array.shape}"
        )
    grids = (Grid(one.view.shape[1:], one.source.affine) for one in (other, main))
    if difference := grid_difference(*grids):
        raise _unlike(main, other, "one grid", difference)
    return other, pair.part


def _unlike(main: SeriesImage, other: SeriesImage, expected: str, found: str) -> MRFInputError:
    return MRFInputError("partner-mismatch", f"the two halves of the series differ: "
                         f"{main.source.path.name} and {other.source.path.name}",
                         path=main.source.path, expected=expected, found=found)  # fmt: skip


def joined(
    main: SeriesImage, other: SeriesImage, part: str, phase_unit: str | None
) -> tuple[Any, list[str]]:
    """Return the complex series of two halves, and warnings."""
    first, second = (main, other) if part in ("magnitude", "real") else (other, main)
    if part in ("real", "imaginary"):
        return as_signal(PairView(first.view, second.view, None)), []
    smallest, largest = _finite_range(second.view)
    units = second.sidecar.units if second.sidecar else None
    factor, note = radians_per_unit(units, phase_unit, smallest, largest, second.source.path)
    return as_signal(PairView(first.view, second.view, factor)), [note] if note else []


def check_sidecar(source: Source, sidecar: Sidecar | None) -> None:
    """Refuse a file that its sidecar does not describe, and series compressed in time."""
    block = sidecar.block if sidecar else None
    if sidecar is None or block is None:
        return
    if block.SHA256 is not None and source.sha256 != block.SHA256:
        raise MRFInputError("sha256-mismatch", "the series is not the one that its sidecar "
                            "describes", path=source.path, expected=block.SHA256,
                            found=source.sha256)  # fmt: skip
    if block.CompressedBasis is not None:
        raise MRFInputError("compressed-series", "the series is compressed in time",
                            path=source.path, expected="one image a frame",
                            found=f"{block.CompressedBasis.Rank} components",
                            hint="Expand it with its basis first.")  # fmt: skip


def _finite_range(view: SeriesView) -> tuple[float, float]:
    """Return the smallest and largest finite value, slice by slice."""
    smallest, largest = np.inf, -np.inf
    for z in range(view.shape[1]):
        block = view[:, z, :, :]
        finite = block[np.isfinite(block)]
        if finite.size:
            smallest, largest = min(smallest, finite.min()), max(largest, finite.max())
    return float(smallest), float(largest)
