"""Reconstruct one series, or a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf.cli.application import WRONG_USAGE, app
from napari_mrf.cli.arguments import (
    Device,
    JsonErrors,
    KeepPatient,
    MapsFormat,
    Output,
    Overwrite,
    known_method,
    known_unit,
)
from napari_mrf.cli.images import Coils, DelayCorrection, Images, images_of_raw
from napari_mrf.cli.progress import with_progress
from napari_mrf.cli.raw import Matrix, Measurement, Trajectory, TrajectoryUnit
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from napari_mrf.data.b1_map import B1Map
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries


@app.command()
def reconstruct(
    series: Annotated[
        list[Path],
        typer.Argument(
            help="Series, raw files, or folders of them; several make a cohort. A folder of DICOM "
            "files is one series."
        ),
    ],
    output: Output,
    sequence: Annotated[
        str | None,
        typer.Option(
            "--sequence", "-s", help="t1ff, fisp, fisp-b1 or a file. Default: that of the sidecar."
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method", "-m", callback=known_method, help="Method; see napari-mrf methods."
        ),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Mask, NIfTI or .npy. Default: automatic.")
    ] = None,
    b1: Annotated[
        Path | None,
        typer.Option(
            help="Measured B1 map, NIfTI or .npy: B1 is held at it instead of being fitted "
            "(fisp-b1 and water-fat)."
        ),
    ] = None,
    b1_unit: Annotated[
        str,
        typer.Option(callback=known_unit, help="relative (around 1) or percent (around 100)."),
    ] = "relative",
    resample_b1: Annotated[
        bool, typer.Option("--resample-b1", help="Interpolate a B1 map that lies on another grid.")
    ] = False,
    device: Device = "auto",
    refine: Annotated[
        bool | None,
        typer.Option(
            "--refine/--no-refine",
            help="Continuous values with standard deviations (default), or the pure grid answer.",
        ),
    ] = None,
    prior: Annotated[
        str | None, typer.Option(help="Prior of the refinement: series, range or off.")
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(help="Standard deviation of the noise. Default: estimated.")
    ] = None,
    intervals: Annotated[
        str | None,
        typer.Option(
            help="Standard deviations of maps from raw data: noise (how maps vary when the "
            "measurement is repeated) or error (how far they lie from the truth)."
        ),
    ] = None,
    grid: Annotated[
        str | None, typer.Option(help="Values searched by water-fat: published or wide.")
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(
            help="Frames to use, such as 0-149; just these may be there, if a scan was cut short. "
            "Default: all."
        ),
    ] = None,
    window: Annotated[
        int | None, typer.Option(help="Frames averaged within each echo time; 25 against streaks.")
    ] = None,
    smooth: Annotated[
        float | None,
        typer.Option(help="Gaussian smoothing in plane, standard deviation in voxels."),
    ] = None,
    conjugate: Annotated[
        bool | None,
        typer.Option("--conjugate", help="Take the complex conjugate, for a reversed phase sign."),
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help="Axis order of arrays that do not state it, such as XYZT.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Dataset or variable in the file.")] = None,
    phase_unit: Annotated[
        str | None,
        typer.Option(
            help="Unit of a phase image that does not state it: rad, mrad, deg, turn, pi or "
            "siemens."
        ),
    ] = None,
    average_spokes: Annotated[
        bool, typer.Option("--average-spokes", help="Average the spokes of each frame first.")
    ] = False,
    images: Images = None,
    measurement: Measurement = None,
    coils: Coils = None,
    trajectory: Trajectory = None,
    trajectory_unit: TrajectoryUnit = None,
    matrix: Matrix = None,
    delay_correction: DelayCorrection = None,
    maps_format: MapsFormat = "nifti",
    keep_patient: KeepPatient = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Reconstruct parameter maps: one file per map, quality, flags and maps.json.

    Raw files of scanners (see docs/raw.md) are made into images first.

    Example: napari-mrf reconstruct thigh.nii.gz --sequence t1ff --output maps
    """
    from napari_mrf.data import sequences
    from napari_mrf.io import load_b1, load_identity, load_series
    from napari_mrf.io.maps.writer import MAPS_RESULTS
    from napari_mrf.io.series.folders import series_and_remarks
    from napari_mrf.io.series.reader import masked

    chosen = {
        "refine": refine,
        "prior": prior,
        "sigma": sigma,
        "intervals": intervals,
        "grid": grid,
        "frames": frames,
        "window": window,
        "smooth": smooth,
        "conjugate": conjugate,
    }
    given = {key: value for key, value in chosen.items() if value is not None}
    of_refinement = {"--prior": prior, "--sigma": sigma, "--intervals": intervals}
    without_effect = [name for name, value in of_refinement.items() if value is not None]
    if refine is False and without_effect:
        raise typer.BadParameter(
            "it has no effect, because refinement is off", param_hint=without_effect[0]
        )
    if b1 is None and (resample_b1 or b1_unit != "relative"):
        raise typer.BadParameter(
            "there is no B1 map: give --b1", param_hint="--b1-unit, --resample-b1"
        )
    if keep_patient and not maps_format.startswith("dicom"):
        raise typer.BadParameter(
            "only DICOM files name a patient: give --format dicom", param_hint="--keep-patient"
        )
    chosen_sequence = None if sequence is None else sequences.load(sequence)
    found, remarks = series_and_remarks(series, axes=axes)
    for remark in remarks:
        typer.echo(remark, err=True)
    several = len(found) > 1 or any(path.is_dir() and path not in found.values() for path in series)
    reading: dict[str, Any] = {
        "mask": mask,
        "axes": axes,
        "dataset": dataset,
        "phase_unit": phase_unit,
        "average_spokes": average_spokes,
        "frames": frames,
    }
    of_raw = {
        "measurement": measurement,
        "trajectory": trajectory,
        "trajectory_unit": trajectory_unit,
        "matrix": matrix,
    }
    raw, unreadable = _raw_among(found)
    if not raw:
        given_raw = {"images": images, "coils": coils, "delay_correction": delay_correction}
        _refuse_options({**of_raw, **given_raw}, "of raw files")
    elif chosen_sequence is None:
        raise typer.BadParameter(
            "raw data do not name their sequence; give one", param_hint="--sequence"
        )
    if len(raw) == len(found):
        _refuse_options({"axes": axes, "phase_unit": phase_unit}, "of image series")

    def images_in(name: str) -> MRFSeries:
        if name not in raw or chosen_sequence is None:
            return load_series(found[name], chosen_sequence, **reading)
        way = images or "subspace"
        # The device is that of the method, too: gridding has the CPU alone.
        on = device if way == "subspace" else "auto"
        made = images_of_raw(found[name], chosen_sequence, way, on, coils, of_raw,
                             delay_correction=delay_correction)  # fmt: skip
        return masked(made, mask)

    def maps_of(name: str, folder: Path) -> None:
        loaded = images_in(name)
        if loaded.sequence is None and several:
            raise MRFInputError("no-sequence", "the series has no sequence", path=found[name],
                                hint="Give one: --sequence.")  # fmt: skip
        b1_map = None if b1 is None else load_b1(b1, loaded, unit=b1_unit, resample=resample_b1)
        label = name if several else found[name].name
        options = {"device": device, **given}
        form = {"form": maps_format}
        if keep_patient:
            form["identity"] = load_identity(found[name])
        _reconstruct(loaded, folder, label, method, options, b1_map, overwrite, form)

    refused: list[MRFInputError] = []
    for name in found:
        folder = output / name if several else output
        try:
            MAPS_RESULTS.refuse_earlier(folder, overwrite=overwrite)
            if name in unreadable:
                raise unreadable[name]
            maps_of(name, folder)
        except MRFInputError as error:
            if not several or (error.code in WRONG_USAGE and error.path is None):
                raise
            # One bad series must not cost the rest of a cohort.
            typer.echo(f"{name} was left out. {error}", err=True)
            refused.append(error)
    if refused:
        typer.echo(f"{len(refused)} of {len(found)} series were left out.", err=True)
        raise refused[0]


def _raw_among(found: dict[str, Path]) -> tuple[set[str], dict[str, MRFInputError]]:
    """Return which of the files are raw data, and why some cannot be told."""
    from napari_mrf.io import is_raw

    raw, unreadable = set(), {}
    for name, path in found.items():
        try:
            if is_raw(path):
                raw.add(name)
        except MRFInputError as error:
            unreadable[name] = error
    return raw, unreadable


def _refuse_options(given: dict[str, Any], what: str) -> None:
    """Refuse options that would have no effect."""
    for name, value in given.items():
        if value is not None:
            raise typer.BadParameter(
                f"it is an option {what} and has no effect here",
                param_hint=f"--{name.replace('_', '-')}",
            )


def _reconstruct(
    series: MRFSeries,
    folder: Path,
    label: str,
    method: str | None,
    options: dict[str, Any],
    b1: B1Map | None,
    overwrite: bool,
    form: dict[str, Any],
) -> None:
    from napari_mrf import methods
    from napari_mrf.io import save_maps

    for text in series.warnings:
        typer.echo(f"{label}: {text}", err=True)
    if series.sequence is None:
        raise typer.BadParameter("the series has no sequence; give one", param_hint="--sequence")
    name = method or methods.default_name(series.sequence)
    maps = with_progress(methods.get(name, sequence=series.sequence, **options), series, b1)
    save_maps(maps, folder, overwrite=overwrite, **form)
    for told in maps.warnings:
        typer.echo(f"{label}: {told}", err=True)
    typer.echo(_summary(folder, maps))


def _summary(folder: Path, maps: ParameterMaps) -> str:
    counts = maps.provenance.get("counts", {})
    n = counts.get("voxels", 0)
    text = f"{folder}: {', '.join(maps)} for {n:,} voxel{'' if n == 1 else 's'}"
    if counts.get("not_finite"):
        text += f"; {counts['not_finite']:,} not finite and left out"
    if counts.get("no_signal"):
        text += f"; {counts['no_signal']:,} without signal"
    return text
