"""Images of raw data on the command line: shared options, and the command that writes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import Device, JsonErrors, Overwrite
from napari_mrf.cli.raw import Matrix, Measurement, Trajectory, TrajectoryUnit

if TYPE_CHECKING:
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries

WAYS = ("subspace", "gridded")


def _known_images(value: str | None) -> str | None:
    if value is not None and value not in WAYS:
        raise typer.BadParameter(f"{value!r} is none; choose from {', '.join(WAYS)}")
    return value


Images = Annotated[
    str | None,
    typer.Option(
        callback=_known_images,
        help="How images are made of raw data: subspace (near the noise limit) or gridded.",
    ),
]
Coils = Annotated[
    int | None,
    typer.Option(min=1, help="Virtual coils. Default: the fewest that hold the signal."),
]
DelayCorrection = Annotated[
    bool | None,
    typer.Option(
        "--delay-correction/--no-delay-correction",
        help="Estimate and correct the gradient delays of radial spokes. Default: where there are "
        "any.",
    ),
]


def images_of_raw(
    path: Path, sequence: Sequence, images: str, device: str, coils: int | None,
    reading: dict[str, Any], *, delay_correction: bool | None = None,
) -> MRFSeries:  # fmt: skip
    """Make the images of a raw file with a progress bar on a terminal."""
    from tqdm import tqdm

    from napari_mrf.compute.steps import Steps
    from napari_mrf.imaging.images import making_images
    from napari_mrf.io import load_raw

    raw = load_raw(path, sequence=sequence, **reading)
    making = making_images(raw, sequence, images, coils=coils, device=device,
                           delay_correction=delay_correction is not False)  # fmt: skip
    working = Steps(making)
    with tqdm(desc=f"images, {images}", unit=" slices", disable=not sys.stderr.isatty(),
              bar_format="{l_bar}{bar}| {n:.1f}/{total} slices [{elapsed}<{remaining}]",
              ) as bar:  # fmt: skip
        for update in working:
            bar.total = update.total
            bar.update(update.done - bar.n)
    delays = working.result.metadata["gradient_delays"]
    if delays["corrected"]:
        typer.echo(f"{path.name}: {delays['told']}", err=True)
    return working.result


@app.command()
def grid(
    path: Annotated[Path, typer.Argument(metavar="RAW", help="A raw file; see docs/raw.md.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The series, .nii or .nii.gz; a sidecar beside.")
    ],
    sequence: Annotated[
        str, typer.Option("--sequence", "-s", help="What was played: a name or a file.")
    ],
    images: Images = "gridded",
    measurement: Measurement = None,
    coils: Coils = None,
    trajectory: Trajectory = None,
    trajectory_unit: TrajectoryUnit = None,
    matrix: Matrix = None,
    delay_correction: DelayCorrection = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Make an image series of raw data.

    Example: napari-mrf grid scan.h5 --sequence t1ff --output series.nii.gz
    """
    from napari_mrf.data import sequences
    from napari_mrf.io import save_series

    reading = {
        "measurement": measurement,
        "trajectory": trajectory,
        "trajectory_unit": trajectory_unit,
        "matrix": matrix,
    }
    played = sequences.load(sequence)
    series = images_of_raw(path, played, images or "gridded", device, coils, reading,
                           delay_correction=delay_correction)  # fmt: skip
    for written in save_series(series, output, overwrite=overwrite):
        typer.echo(written)
    for text in series.warnings:
        typer.echo(f"{path.name}: {text}", err=True)
