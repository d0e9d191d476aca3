"""Series in: from any file that is read to an `MRFSeries`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.io.axes import check_axes, to_series_order, unknown_axes
from napari_mrf.io.formats import read_source
from napari_mrf.io.masks import load_mask
from napari_mrf.series import MRFSeries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.sequence import Sequence


def load_series(
    path: str | Path,
    sequence: Sequence | None = None,
    *,
    mask: NDArray[Any] | str | Path | None = None,
    axes: str | None = None,
    dataset: str | None = None,
    phase_unit: str | None = None,
    magnitude_only: bool = False,
    average_spokes: bool = False,
) -> MRFSeries:
    """Read a series."""
    path = Path(path)
    source = read_source(path, dataset)
    order = axes or source.axes
    if order is None:
        raise unknown_axes(source, sequence)
    signal = to_series_order(source, check_axes(order, source.array.shape, path))
    series = MRFSeries(signal, source.affine, sequence, None, str(path), source.sha256,
                       source.warnings, source.metadata)  # fmt: skip
    if mask is None:
        return series
    return replace(series, mask=load_mask(mask, series) if isinstance(mask, str | Path) else mask)
