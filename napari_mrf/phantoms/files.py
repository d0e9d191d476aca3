"""A phantom and its measurement as files: series, truth, labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write
from napari_mrf.io.label_table import Label, format_label_table
from napari_mrf.io.maps_writer import save_maps
from napari_mrf.io.nifti_write import write_volume
from napari_mrf.io.series_writer import save_series

if TYPE_CHECKING:
    from napari_mrf.phantoms.phantom import Phantom
    from napari_mrf.series import MRFSeries

TRUTH_NAME = "truth"
ROIS_NAME = "rois.nii.gz"
LABELS_NAME = "rois.txt"


def save_phantom(
    directory: str | Path,
    phantom: Phantom,
    series: MRFSeries,
    *,
    series_name: str = "series.nii",
    overwrite: bool = False,
) -> list[Path]:
    """Write the series with its sidecar, the true maps, and the labels with their names.

    Parameters
    ----------
    directory : str or Path
        Created where needed.
    phantom : Phantom
        The truth.
    series : MRFSeries
        Its measurement.
    series_name : str
        File name of the series.
    overwrite : bool
        Replace earlier files.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    MRFInputError
        ``"exists"`` for earlier files and no leave to overwrite, and the codes of failed
        writes.
    """
    folder = Path(directory)
    rois, labels = folder / ROIS_NAME, folder / LABELS_NAME
    if not overwrite and rois.exists():
        raise MRFInputError(
            "exists",
            "the folder holds a phantom already",
            path=folder,
            hint="Choose another folder, or allow it to be overwritten.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    files = save_series(series, folder / series_name, overwrite=overwrite)
    files += save_maps(phantom.truth(), folder / TRUTH_NAME, overwrite=overwrite)
    with atomic_write(rois) as path:
        write_volume(path, phantom.labels, phantom.affine)
    with atomic_write(labels) as path:
        table = format_label_table(
            Label(label, name=name, color=phantom.label_colors[label])
            for label, name in phantom.label_names.items()
        )
        path.write_text(table, encoding="utf-8")
    return [*files, rois, labels]
