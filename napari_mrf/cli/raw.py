"""The acquisition report of a raw file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors

Measurement = Annotated[
    int | None,
    typer.Option(min=0, help="Which measurement of the file, from 0; needed where several are."),
]
Trajectory = Annotated[
    str | None,
    typer.Option(
        help="golden-angle, radial:DEGREES, cartesian, a Pulseq file or an array file. "
        "Default: that of the raw file."
    ),
]
TrajectoryUnit = Annotated[
    str | None,
    typer.Option(help="cycles/voxel, 1/FOV, rad/voxel or 1/m. Default: told by the range."),
]
Matrix = Annotated[
    int | None, typer.Option(min=1, help="Voxels across the images, where the file does not say.")
]


@app.command()
def raw(
    path: Annotated[Path, typer.Argument(metavar="RAW", help="A raw file; see docs/raw.md.")],
    measurement: Measurement = None,
    sequence: Annotated[
        str | None,
        typer.Option("--sequence", "-s", help="What was played: a name or a file."),
    ] = None,
    trajectory: Trajectory = None,
    trajectory_unit: TrajectoryUnit = None,
    matrix: Matrix = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    json_errors: JsonErrors = False,
) -> None:
    """Print the acquisition report of a raw file: what is in it, and what would be taken.

    Example: napari-mrf raw scan.h5 --sequence t1ff
    """
    from napari_mrf.data import sequences
    from napari_mrf.io import load_raw

    found = load_raw(
        path, measurement=measurement, trajectory=trajectory, trajectory_unit=trajectory_unit,
        sequence=None if sequence is None else sequences.load(sequence), matrix=matrix,
    )  # fmt: skip
    typer.echo(json.dumps(found.report.as_dict(), indent=1, ensure_ascii=False) if as_json
               else found.report.text())  # fmt: skip
