"""Reconstruct one series, or a cohort."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import (
    Device,
    JsonErrors,
    KeepPatient,
    MapsFormat,
    MaskFile,
    MethodName,
    Naming,
    Output,
    Overwrite,
    Refine,
    SeriesSequence,
    known_unit,
)
from napari_mrf.cli.cohort import (
    ClusterFile,
    MemoryPerSubject,
    Scheduler,
    Workers,
    place_of,
    run_cohort,
    with_subject_bar,
)
from napari_mrf.cli.images import Coils, DelayCorrection, Images
from napari_mrf.cli.raw import Matrix, Measurement, Trajectory, TrajectoryUnit
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from napari_mrf.cohort.description import Cohort, Subject
    from napari_mrf.cohort.options import ReconstructionOptions


@app.command()
def reconstruct(
    series: Annotated[
        list[Path],
        typer.Argument(
            help="Series, raw files, or folders of them; several make a cohort. A folder of DICOM "
            "files is one series. Or a CSV table of a cohort; see docs/cohorts.md."
        ),
    ],
    output: Output,
    sequence: SeriesSequence = None,
    method: MethodName = None,
    mask: MaskFile = None,
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
    refine: Refine = None,
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
            help="Unit of a phase image that does not state it: rad, deg, turn, pi or siemens."
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
    naming: Naming = "plain",
    maps_format: MapsFormat = "nifti",
    keep_patient: KeepPatient = False,
    rois: Annotated[
        Path | None,
        typer.Option(
            help="Of a cohort: folder of label maps; adds statistics of regions (cohort-rois)."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="ITK-SNAP label file with names. Default: the .txt beside the label map."
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="Of a cohort: folder of other maps of the subjects; adds a comparison with them "
            "(cohort-comparison)."
        ),
    ] = None,
    scheduler: Scheduler = None,
    workers: Workers = None,
    cluster: ClusterFile = None,
    memory_per_subject: MemoryPerSubject = None,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Reconstruct parameter maps: one file per map, quality, flags and maps.json.

    Raw files of scanners (see docs/raw.md) are made into images first. Of a cohort, maps of each
    subject go to a folder of its own, and cohort.csv and cohort.html sum up the run. The same
    command again takes up what is missing, and keeps subjects whose maps are just what is asked.

    Example: napari-mrf reconstruct thigh.nii.gz --sequence t1ff --output maps
    """
    from napari_mrf.cohort.description import find_cohort
    from napari_mrf.cohort.options import ReconstructionOptions
    from napari_mrf.cohort.stages import Statistics
    from napari_mrf.data import sequences

    place = place_of(scheduler, workers, cluster, memory_per_subject)
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
    if keep_patient and not maps_format.startswith("dicom"):
        raise typer.BadParameter(
            "only DICOM files name a patient: give --format dicom", param_hint="--keep-patient"
        )
    if naming != "plain" and maps_format != "nifti":
        raise typer.BadParameter("data sets have maps in NIfTI", param_hint="--format")
    if sequence is not None:
        sequences.load(sequence)  # what is wrong with it is told before any work
    cohort = find_cohort(series, axes=axes)
    for remark in cohort.remarks:
        typer.echo(remark, err=True)
    if b1 is None and not any(one.b1 for one in cohort.subjects) and (
        resample_b1 or b1_unit != "relative"
    ):  # fmt: skip
        raise typer.BadParameter(
            "there is no B1 map: give --b1", param_hint="--b1-unit, --resample-b1"
        )
    reading = {
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
    of_images = {"coils": coils, "delay_correction": delay_correction}
    raw = _raw_among(cohort)
    if not raw:
        _refuse_options({**of_raw, "images": images, **of_images}, "of raw files")
    elif any((one.sequence or sequence) is None for one in raw):
        raise typer.BadParameter(
            "raw data do not name their sequence; give one", param_hint="--sequence"
        )
    if len(raw) == len(cohort.subjects):
        _refuse_options({"axes": axes, "phase_unit": phase_unit}, "of image series")
    options = ReconstructionOptions(
        sequence, method, device, given, reading, of_raw, images,
        {key: value for key, value in of_images.items() if value is not None}, mask, b1,
        {"unit": b1_unit, "resample": resample_b1}, maps_format, naming, keep_patient,
    )  # fmt: skip
    of_cohorts = {
        "rois": rois,
        "labels": labels,
        "reference": reference,
        "scheduler": scheduler,
        "workers": workers,
        "cluster": cluster,
    }
    if not cohort.is_one_series:
        statistics = Statistics(rois, labels, reference)
        run_cohort(cohort, output, options, statistics, place, overwrite=overwrite)
        return
    _refuse_options(of_cohorts, "of cohorts")
    _reconstruct_one(cohort.subjects[0], output, options, overwrite=overwrite)


def _raw_among(cohort: Cohort) -> list[Subject]:
    """Return the subjects that are raw data; what cannot be read is told when its turn comes."""
    from napari_mrf.io import is_raw

    raw = []
    for one in cohort.subjects:
        with suppress(MRFInputError):
            if is_raw(one.series):
                raw.append(one)
    return raw


def _refuse_options(given: dict[str, Any], what: str) -> None:
    """Refuse options that would have no effect."""
    for name, value in given.items():
        if value is not None:
            raise typer.BadParameter(
                f"it is an option {what} and has no effect here",
                param_hint=f"--{name.replace('_', '-')}",
            )


def _reconstruct_one(
    subject: Subject, output: Path, options: ReconstructionOptions, *, overwrite: bool
) -> None:
    """Reconstruct one series into the folder itself, or to its place in a data set."""
    from napari_mrf.cohort.options import Job
    from napari_mrf.cohort.run import target_of
    from napari_mrf.cohort.subject_work import iter_subject

    target = target_of(subject, output, options.naming)
    folder = output if target is None else target.folder
    job = Job(subject, folder, options, overwrite=overwrite, resume=False, target=target)
    try:
        outcome = with_subject_bar(iter_subject(job))
    except MRFInputError as error:
        if error.code != "no-sequence":
            raise
        raise typer.BadParameter(
            "the series has no sequence; give one", param_hint="--sequence"
        ) from error
    typer.echo(outcome.summary)
