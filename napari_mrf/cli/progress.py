"""Progress of long work on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_mrf.data.b1_map import B1Map
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method


def with_progress(method: Method, series: MRFSeries, b1: B1Map | None = None) -> ParameterMaps:
    """Reconstruct with a progress bar on a terminal."""
    from tqdm import tqdm

    with tqdm(desc=method.name, unit=" voxels", disable=not sys.stderr.isatty()) as bar:
        for update in method.iter_reconstruct(series, b1=b1):
            bar.set_description(f"{method.name}, {update.stage}", refresh=False)
            if update.done < bar.n:  # a second pass counts again
                bar.reset()
            bar.total = update.total
            bar.update(update.done - bar.n)
    return update.maps
