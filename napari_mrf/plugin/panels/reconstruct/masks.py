"""The masks of a Reconstruct panel that come from files.

Apart from `controller`, beside `b1`: a layer over the series and its file, one a module.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.jobs import Step
from napari_mrf.plugin.layers import show_mask
from napari_mrf.plugin.panels.reconstruct.layer_files import LayerFiles

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel
    from napari_mrf.plugin.panels.shared.masks import MaskChoice

MASK_FILES = "Mask (*.nii *.nii.gz *.mha *.mhd *.npy);;All files (*)"


def mask_files(panel: ReconstructPanel, choice: MaskChoice, bond: Bond) -> LayerFiles[LoadedMask]:
    """Return what shows the mask of a file as a Labels layer, and picks it."""
    files = LayerFiles(
        panel, choice, bond, what="mask", filters=MASK_FILES, read=read_mask, show=_show
    )
    panel.mask_file_requested.connect(files.on_requested)
    return files


@dataclass(frozen=True, eq=False)
class LoadedMask:
    """A mask (Z, Y, X) in file order, the series on whose grid it lies, and what is to be told."""

    mask: NDArray[np.bool_]
    series: MRFSeries
    name: str
    warnings: tuple[str, ...] = ()


def read_mask(path: str, series: MRFSeries) -> Generator[Step, None, LoadedMask]:
    """Read a mask file on the grid of a series."""
    yield Step(detail="reading")
    from napari_mrf.io.labels.masks import read_mask as read

    mask, warnings = read(path, series)
    return LoadedMask(mask, series, Path(path).name.split(".")[0], warnings)


def _show(viewer: ViewerModel, loaded: LoadedMask) -> Any:
    return show_mask(viewer, loaded.mask, loaded.series, loaded.name)
