"""Reconstruction of the sample thigh from end to end, compared with its known truth."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf import methods
from napari_mrf.analysis.comparison.compare import compare
from napari_mrf.analysis.comparison.subjects import SubjectMaps, find_study
from napari_mrf.analysis.images.error_summary import MapError, as_table, map_errors
from napari_mrf.compute.steps import result_of
from napari_mrf.io import load_maps, load_series
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.maps.writer import MAPS_RESULTS, maps_names, write_maps
from napari_mrf.io.result_folder import ResultKind
from napari_mrf.phantoms.files import ROIS_NAME, TRUTH_NAME
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.io.result_folder import Staged
    from napari_mrf.reconstruction.method import Method

FIGURE_NAME = "maps.png"
REPORT_NAME, BOOK_NAME = "report.html", "report.pdf"
_RESULTS = ResultKind(
    "a demo", MAPS_RESULTS.record, (*MAPS_RESULTS.files, FIGURE_NAME, REPORT_NAME, BOOK_NAME)
)


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
            f"by muscle ({REPORT_NAME}, {BOOK_NAME}) are in {self.directory.resolve()}"
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
    from napari_mrf.plots.figure_files import write_figure
    from napari_mrf.plots.maps_figure import maps_figure
    from napari_mrf.report.comparison.save import iter_write_report

    directory = Path(directory)
    _RESULTS.refuse_earlier(directory, overwrite=overwrite)
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
    truth = load_maps(sample / TRUTH_NAME)
    errors = map_errors(maps, truth, np.isfinite(truth["FF"]))
    names = maps_names(maps)
    with _RESULTS.writing(
        directory, (*names, FIGURE_NAME, REPORT_NAME, BOOK_NAME), overwrite=overwrite
    ) as staged:
        of_maps = staged.part(MAPS_RESULTS, names)
        write_maps(maps, of_maps)
        write_figure(maps_figure({"truth": truth, method.name: maps}), staged[FIGURE_NAME], "png")
        subject = _subject(sample, maps, of_maps)
        comparison = compare([subject], reference_name="truth", test_name=method.name)
        result_of(iter_write_report(comparison, staged[REPORT_NAME], staged[BOOK_NAME]))
    return DemoResult(directory, series, method.name, maps, errors, seconds)


def _subject(sample: Path, maps: ParameterMaps, staged: Staged) -> SubjectMaps:
    """Return the truth, its regions, and the maps, which are about to take their place."""
    study = find_study(sample / TRUTH_NAME, sample / TRUTH_NAME, rois=sample / ROIS_NAME)
    (truth,) = (study.load(name) for name in study.folders)
    sums = {path.name: sha256_of(temporary) for path, temporary in staged.temporary.items()}
    test = {"path": str(staged.folder), "sha256": sums, "provenance": maps.provenance}
    return replace(truth, test=maps, record={**truth.record, "test": test})


def has_display() -> bool:
    """Return whether a window can be opened."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
