"""Fingerprints, and whole phantoms, from the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors, Overwrite, SequenceName

ANATOMIES = {"thigh": "t1ff", "brain": "fisp"}
"""The sequence that is played where none is named."""


@app.command()
def simulate(
    sequence: SequenceName,
    parameters: Annotated[
        Path, typer.Option("--parameters", "-p", help="CSV; columns are FF, T1H2O, T1, …")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .npy file.")],
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Simulate fingerprints, complex64 (N, T), one for every row of a CSV.

    Example: napari-mrf simulate --sequence t1ff --parameters tissue.csv --output signals.npy
    """
    from napari_mrf.data import sequences
    from napari_mrf.io import load_parameter_table, save_fingerprints
    from napari_mrf.simulation import simulate as simulate_fingerprints

    table = load_parameter_table(parameters)
    fingerprints = simulate_fingerprints(sequences.load(sequence), table)
    save_fingerprints(fingerprints, output, overwrite=overwrite)
    n = len(fingerprints)
    typer.echo(f"{n:,} fingerprint{'' if n == 1 else 's'} in {output}")


def _known_mode(name: str) -> str:
    from napari_mrf.phantoms.acquisition.acquire import MODES

    if name not in MODES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(MODES)}")
    return name


def _known_anatomy(name: str | None) -> str | None:
    if name is not None and name not in ANATOMIES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(ANATOMIES)}")
    return name


@app.command()
def phantom(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for series and truth.")],
    anatomy: Annotated[
        str | None,
        typer.Option(
            callback=_known_anatomy,
            help="thigh (MRF T1-FF) or brain (FISP). Default: that of the sequence, else thigh.",
        ),
    ] = None,
    sequence: Annotated[
        str | None,
        typer.Option(help="Sequence for this anatomy: a name such as fisp-b1, or a file."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the anatomy and of the noise.")] = 0,
    size: Annotated[int, typer.Option(min=32, max=512, help="Pixels across.")] = 128,
    slices: Annotated[int, typer.Option(min=1, max=64, help="Number of slices.")] = 1,
    mode: Annotated[
        str, typer.Option(callback=_known_mode, help="radial, fully-sampled or noise-only.")
    ] = "radial",
    snr_db: Annotated[float, typer.Option(help="Noise level; see docs/physics.md.")] = 20.0,
    sliding_window: Annotated[
        int,
        typer.Option(
            min=1,
            help="Frames combined into each one: N - 1 frames less, fewer streaks. Read such a "
            "series without --sequence.",
        ),
    ] = 1,
    gradient_delays: Annotated[
        tuple[float, float],
        typer.Option(help="Samples by which the gradients x and y shift radial spokes."),
    ] = (0.0, 0.0),
    raw: Annotated[
        bool, typer.Option("--raw", help="Write raw.h5 (ISMRMRD) too; needs the mode radial.")
    ] = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Make a phantom: acquired series, true maps, and labels of muscles or brain tissues.

    A radial scan of the brain has four spokes per pulse, of the thigh one.

    Example: napari-mrf phantom --output phantom --seed 3 --mode radial
    """
    from napari_mrf.data import sequences
    from napari_mrf.data.signal_kinds import SIGNAL_KINDS
    from napari_mrf.phantoms.acquisition.acquire import SliceKSpace, acquire
    from napari_mrf.phantoms.by_kind import PHANTOMS
    from napari_mrf.phantoms.files import save_phantom

    if raw and mode != "radial":
        raise typer.BadParameter("--raw needs the mode radial: no other one has raw data")
    played = sequences.load(sequence or ANATOMIES[anatomy or "thigh"])
    measured = SIGNAL_KINDS[played.kind].anatomy
    if anatomy not in (None, measured):
        raise typer.BadParameter(
            f"{played.name} is a sequence for the {measured}, not for the {anatomy}"
        )
    drawn = PHANTOMS[played.kind]((slices, size, size), seed=seed)
    played = played.sliding_window(sliding_window)
    spokes_per_pulse = 4 if measured == "brain" else 1
    kspace: list[SliceKSpace] | None = [] if raw else None
    acquired = acquire(
        drawn, played, mode=mode, snr_db=snr_db, spokes_per_pulse=spokes_per_pulse, seed=seed,  # type: ignore[arg-type]
        gradient_delays=gradient_delays, kspace=kspace,
    )  # fmt: skip
    written = save_phantom(output, drawn, acquired, kspace=kspace, overwrite=overwrite)
    typer.echo("\n".join(str(path) for path in written))
    if sliding_window > 1:
        typer.echo(
            "The sequence with its sliding window is in the file beside the series: "
            "read the series without --sequence.",
            err=True,
        )
