"""BIDS App: maps of every subject of a data set as derivatives, and statistics of the cohort."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf._version import __version__
from napari_mrf.cli.application import ended, settle_streams
from napari_mrf.cli.arguments import (
    AllowMixed,
    Device,
    JsonErrors,
    MethodName,
    Overwrite,
    Refine,
    SeriesSequence,
)
from napari_mrf.cli.demo import with_progress
from napari_mrf.errors import WRONG_USAGE, MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.analysis.regions.study import SubjectStatistics
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.io import BidsSeries, Regions

_NAME = "napari-mrf-bids"
_LISTS = ("--participant-label", "--participant_label", "--session-label", "--session_label")
GROUP_FOLDER = "group"

app = typer.Typer(
    name=_NAME,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 bad input.",
)


class Level(StrEnum):
    """What a BIDS App works on: one subject at a time, or all of them together."""

    participant = "participant"
    group = "group"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def bids(
    bids_dir: Annotated[
        Path, typer.Argument(help="Data set with series such as sub-01_part-mag_MRF.nii.gz.")
    ],
    output_dir: Annotated[Path, typer.Argument(help="Data set of derivatives; may not exist.")],
    level: Annotated[
        Level,
        typer.Argument(help="participant: make maps. group: statistics of the maps in OUTPUT_DIR."),
    ],
    participant_label: Annotated[
        list[str] | None,
        typer.Option(
            "--participant-label",
            "--participant_label",
            help="Subjects, with or without sub-, separated by blanks or commas. Default: all.",
        ),
    ] = None,
    session_label: Annotated[
        list[str] | None,
        typer.Option("--session-label", "--session_label", help="Sessions. Default: all."),
    ] = None,
    sequence: SeriesSequence = None,
    method: MethodName = None,
    rois: Annotated[
        Path | None,
        typer.Option(
            help="Label maps: a data set with ..._dseg.nii.gz, or a folder with SCAN.nii.gz. "
            "Values by region are written beside the maps."
        ),
    ] = None,
    refine: Refine = None,
    device: Device = "auto",
    allow_mixed: AllowMixed = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Make maps of the MRF series of a BIDS data set, as BIDS derivatives.

    Series are read with their sidecars. A subject that cannot be read is named and left out, and
    the exit code says so. The group level reads what the participant level wrote.

    Example: napari-mrf-bids data data/derivatives/napari-mrf participant --participant-label 01 02
    """
    subjects, sessions = _labels(participant_label, "sub"), _labels(session_label, "ses")
    if level is Level.group:
        _group(output_dir, subjects, sessions, allow_mixed=allow_mixed, overwrite=overwrite)
        return
    from napari_mrf.data import sequences
    from napari_mrf.io import find_bids_series

    chosen = None if sequence is None else sequences.load(sequence)
    found = find_bids_series(bids_dir, subjects=subjects, sessions=sessions)
    label_maps = {} if rois is None else _label_maps(rois, found)
    options: dict[str, Any] = {"device": device, **({} if refine is None else {"refine": refine})}

    def work(one: BidsSeries) -> None:
        maps_of_scan(one, output_dir, chosen, method, options, label_maps.get(one.name), overwrite)

    _each(found, work)


def maps_of_scan(
    one: BidsSeries,
    output: Path,
    sequence: Sequence | None,
    method: str | None,
    options: dict[str, Any],
    label_map: Path | None,
    overwrite: bool,
) -> None:
    """Reconstruct one series of a data set and write its maps as derivatives.

    Raises
    ------
    MRFInputError
        ``"no-sequence"``, and what reading, methods and writing raise.
    """
    from napari_mrf import methods
    from napari_mrf.analysis.regions.scans import with_statistics
    from napari_mrf.io import ScanTarget, load_series

    target = ScanTarget(output, one.entities, "bids", one.path)
    target.refuse_earlier(overwrite=overwrite, with_regions=label_map is not None)
    series = load_series(one.path, sequence)
    if series.sequence is None:
        raise MRFInputError("no-sequence", "the series has no sequence", path=one.path,
                            hint="Give one (--sequence), or describe it in the sidecar."
                            )  # fmt: skip
    regions = None if label_map is None else _regions(label_map, series, one.name)
    name = method or methods.default_name(series.sequence)
    maps = with_progress(methods.get(name, sequence=series.sequence, **options), series)
    if regions is not None:
        regions = with_statistics(regions, maps)
    target.save(maps, regions, overwrite=overwrite)
    for text in (*series.warnings, *maps.warnings):
        typer.echo(f"{one.name}: {text}", err=True)
    typer.echo(f"{one.name}: {', '.join(maps)} in {target.folder}")


def _each(found: list[BidsSeries], work: Callable[[BidsSeries], None]) -> None:
    """Do the work on every series; one that fails is named, and costs the others nothing."""
    refused: list[MRFInputError] = []
    for one in found:
        try:
            work(one)
        except MRFInputError as error:
            if len(found) == 1 or (error.code in WRONG_USAGE and error.path is None):
                raise
            typer.echo(f"{one.name} was left out. {error}", err=True)
            refused.append(error)
    if refused:
        typer.echo(f"{len(refused)} of {len(found)} series were left out.", err=True)
        raise refused[0]


def _label_maps(rois: Path, found: list[BidsSeries]) -> dict[str, Path]:
    from napari_mrf.io.maps.folders import find_label_maps

    label_maps = find_label_maps(rois, [one.name for one in found])
    if without := [one.name for one in found if one.name not in label_maps]:
        typer.echo(f"Without a label map: {', '.join(without)}.", err=True)
    return label_maps


def _regions(path: Path, series: MRFSeries, scan: str) -> Regions:
    """Return the label map of a scan on the grid of its series, with the names beside it."""
    from napari_mrf.io import Regions, load_label_table, load_labels
    from napari_mrf.io.maps.folders import label_table_beside

    labels = load_labels(path, series.spatial_shape, series.affine)
    for text in labels.warnings:
        typer.echo(f"{scan}: {text}", err=True)
    names = label_table_beside(path)
    return Regions(labels.values, {} if names is None else load_label_table(names))


def _group(
    output: Path,
    subjects: tuple[str, ...],
    sessions: tuple[str, ...],
    *,
    allow_mixed: bool,
    overwrite: bool,
) -> None:
    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.analysis.regions.scans import find_scan_study, measure_scan
    from napari_mrf.io.bids.dataset import describe_dataset
    from napari_mrf.report.across_subjects import ACROSS_RESULTS, save_across_subjects
    from napari_mrf.report.regions import ROI_RESULTS, save_roi_statistics

    folder, options = output / GROUP_FOLDER, RoiOptions()
    for results in (ROI_RESULTS, ACROSS_RESULTS):
        results.refuse_earlier(folder, overwrite=overwrite)
    study = find_scan_study(output, subjects, sessions, allow_mixed=allow_mixed)
    measured: list[SubjectStatistics] = []
    left_out: list[str] = []
    for scan in study.folders:
        try:
            measured.append(measure_scan(study, scan, options))
        except MRFInputError as error:
            left_out.append(f"{scan} was left out. {error}")
            typer.echo(left_out[-1], err=True)
            last = error
    if not measured:
        raise last
    describe_dataset(output, {})
    save_roi_statistics(study, measured, options, folder, per_slice=False, overwrite=overwrite)
    save_across_subjects(study, measured, folder, left_out=left_out, overwrite=overwrite)
    for text in study.warnings:
        typer.echo(text, err=True)
    typer.echo(f"{folder}: statistics of {len(measured)} scans")
    if left_out:
        raise last


def _labels(given: list[str] | None, key: str) -> tuple[str, ...]:
    words = [word.strip() for one in given or () for word in one.split(",")]
    return tuple(word.removeprefix(f"{key}-") for word in words if word)


def _spread(words: list[str]) -> list[str]:
    """Return the words with every label of a list behind an option of its own.

    Other BIDS Apps take ``--participant-label 01 02``.
    """
    found: list[str] = []
    option, first = "", True
    for word in words:
        if word.startswith("-"):
            option, first = (word if word in _LISTS else ""), True
        elif option:
            found += [] if first else [option]
            first = False
        found.append(word)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the BIDS App and return the exit code."""
    return ended(app, _spread(sys.argv[1:] if arguments is None else arguments), _NAME)


def run() -> None:
    """Console entry point."""
    settle_streams()
    sys.exit(main())
