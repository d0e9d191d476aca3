"""A phantom and its measurement as files: series, truth, labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.label import Label
from napari_mrf.io.formats.nifti_write import write_volume
from napari_mrf.io.labels.label_table import format_label_table
from napari_mrf.io.maps.writer import MAPS_RESULTS, maps_names, write_maps
from napari_mrf.io.result_folder import ResultKind
from napari_mrf.io.series.sidecar import sidecar_path
from napari_mrf.io.series.writer import write_series_files

if TYPE_CHECKING:
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.phantoms.acquisition.acquire import SliceKSpace
    from napari_mrf.phantoms.phantom import Phantom

TRUTH_NAME = "truth"
ROIS_NAME = "rois.nii.gz"
LABELS_NAME = "rois.txt"
RAW_NAME = "raw.h5"
_NOISE_SAMPLES = 8192
_DWELL_TIME_US = 5.0


def save_phantom(
    directory: str | Path,
    phantom: Phantom,
    series: MRFSeries,
    *,
    series_name: str = "series.nii",
    kspace: list[SliceKSpace] | None = None,
    raw_name: str = RAW_NAME,
    overwrite: bool = False,
) -> list[Path]:
    """Write the series with its sidecar, the true maps, and the labels: all files, or none.

    Parameters
    ----------
    directory : str or Path
        Created where needed.
    phantom : Phantom
        The truth.
    series : MRFSeries
        Its measurement.
    series_name : str
        File name of the series, ``.nii`` or ``.nii.gz``.
    kspace : list of SliceKSpace, optional
        What the coils measured, written as an ISMRMRD file beside the series.
    raw_name : str
        Its file name.
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
    sidecar = sidecar_path(Path(series_name)).name
    truth, below = phantom.truth(), f"{TRUTH_NAME}/"
    kind = ResultKind(
        "a phantom",
        record=sidecar,  # without it, a series is none of this phantom
        files=(series_name, raw_name, ROIS_NAME, LABELS_NAME,
               *(below + name for name in (*MAPS_RESULTS.files, MAPS_RESULTS.record))),
    )  # fmt: skip
    names = [below + name for name in (*maps_names(truth), MAPS_RESULTS.record)]
    names = [series_name, *names, ROIS_NAME, LABELS_NAME, *([raw_name] if kspace else [])]
    with kind.writing(directory, names, overwrite=overwrite) as staged:
        write_series_files(series, staged[series_name], staged[sidecar],
                           packed=series_name.endswith(".gz"))  # fmt: skip
        write_maps(truth, staged.below(TRUTH_NAME, MAPS_RESULTS))
        table = format_label_table(
            Label(label, name=name, color=phantom.label_colors[label])
            for label, name in phantom.label_names.items()
        )
        staged[LABELS_NAME].write_text(table, encoding="utf-8")
        write_volume(staged[ROIS_NAME], phantom.labels, phantom.affine)
        if kspace:
            write_raw(staged[raw_name], kspace, series)
    return staged.paths


def write_raw(path: Path, kspace: list[SliceKSpace], series: MRFSeries) -> None:
    """Write the samples of a simulated scan as ISMRMRD, with a scan of the noise.

    Parameters
    ----------
    path : Path
        Of the file.
    kspace : list of SliceKSpace
        By slice, from `acquire`.
    series : MRFSeries
        From the same `acquire`.
    """
    from napari_mrf.io.raw.ismrmrd_write import write_ismrmrd

    trajectory = kspace[0].trajectory
    # A scan has one noise; slices were measured with slightly different ones.
    level = float(np.sqrt(np.mean([one.noise**2 for one in kspace])))
    n_coils = len(kspace[0].samples)
    rng = np.random.default_rng([series.metadata["seed"], 0x4015E])
    draw = rng.standard_normal((n_coils, _NOISE_SAMPLES, 2), dtype=np.float32)
    write_ismrmrd(
        path,
        [one.samples for one in kspace],
        trajectory.coordinates(),
        np.float32(level) * draw.view(np.complex64)[..., 0],
        matrix=(series.spatial_shape[1], series.spatial_shape[2]),
        affine=series.affine,
        dwell_time_us=_DWELL_TIME_US,
        encoded=(trajectory.matrix_size, trajectory.matrix_size),
    )
