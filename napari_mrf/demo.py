"""Reconstruction of the sample thigh from end to end, compared with its known truth."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf import methods
from napari_mrf.analysis.comparison.compare import compare
from napari_mrf.analysis.comparison.subjects import find_study
from napari_mrf.analysis.images.error_summary import MapError, as_table, map_errors
from napari_mrf.io import load_maps, load_series, save_maps
from napari_mrf.io.maps.writer import MAPS_RESULTS
from napari_mrf.io.result_folder import ResultKind
from napari_mrf.phantoms.files import ROIS_NAME, TRUTH_NAME
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method

FIGURE_NAME = "maps.png"
REPORT_NAME = "report.html"


@dataclass(frozen=True)
class DemoResult:
    """Results of the demo.

    Parameters
    ----------
    directory : Path
        Where maps and figure are.
    series : MRFSeries
        The sample.
    method : str
        Name of the method.
    maps : ParameterMaps
        Its maps.
    errors : list of MapError
        Against the truth, in the tissue.
    seconds : float
        Wall time of the reconstruction, preparation included.
    """

    directory: Path
    series: MRFSeries
    method: str
    maps: ParameterMaps
    errors: list[MapError]
    seconds: float

    def report(self) -> str:
        """Return what a user reads on the terminal."""
        voxels = self.maps.provenance["counts"]["voxels"]
        return (
            f"{self.method}, refined, 25 frames averaged: {voxels:,} voxels in "
            f"{self.seconds:.1f} s\n\n"
            f"Errors against the known truth:\n{as_table(self.errors)}\n"
            "R² = 1 - SS(error) / SS(truth): negative where the truth varies less than the "
            "error.\n\n"
            f"Maps (NIfTI), provenance, the figure {FIGURE_NAME} and the comparison with the truth "
            f"by muscle ({REPORT_NAME}, report.pdf) are in {self.directory.resolve()}"
        )


def run(
    directory: str | Path,
    *,
    overwrite: bool = False,
    progress: Callable[[Method, MRFSeries], ParameterMaps] | None = None,
) -> DemoResult:
    """Reconstruct the sample, write maps and a figure, and compare the maps with the truth.

    Parameters
    ----------
    directory : str or Path
        For the results.
    overwrite : bool
        Replace earlier results.
    progress : callable, optional
        Runs a method on a series while showing progress; plain `Method.reconstruct` without.

    Returns
    -------
    DemoResult

    Raises
    ------
    MRFInputError
        ``"exists"`` for a folder with results and no leave to overwrite.
    """
    from napari_mrf.plots.maps_figure import maps_figure, save_figure
    from napari_mrf.report.comparison.save import save_report

    directory = Path(directory)
    ResultKind("a report", REPORT_NAME).refuse_earlier(directory, overwrite=overwrite)
    MAPS_RESULTS.refuse_earlier(directory, overwrite=overwrite)
    sample = sample_directory()
    series = load_series(sample / SERIES_NAME)
    if series.sequence is None:
        raise RuntimeError("the sample has no sequence")
    name = methods.default_name(series.sequence)
    # The sample is undersampled: averaging 25 frames quietens its streaks (docs/matching.md).
    method = methods.get(name, sequence=series.sequence, window=25)
    start = time.perf_counter()
    maps = (progress or type(method).reconstruct)(method, series)
    seconds = time.perf_counter() - start
    save_maps(maps, directory, overwrite=overwrite)
    truth = load_maps(sample / TRUTH_NAME)
    save_figure(maps_figure({"truth": truth, method.name: maps}), directory / FIGURE_NAME)
    errors = map_errors(maps, truth, np.isfinite(truth["FF"]))
    study = find_study(sample / TRUTH_NAME, directory, rois=sample / ROIS_NAME)
    subjects = [study.load(name) for name in study.folders]
    comparison = compare(subjects, reference_name="truth", test_name=method.name)
    save_report(comparison, directory / REPORT_NAME)
    return DemoResult(directory, series, method.name, maps, errors, seconds)


def has_display() -> bool:
    """Return whether a window can be opened."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
