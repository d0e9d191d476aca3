"""The command line: thin commands over the library.

Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 bad input (one line on stderr).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf._version import __version__
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from napari_mrf.maps import ParameterMaps
    from napari_mrf.method import Method
    from napari_mrf.series import MRFSeries

_WRONG_USAGE = {
    "unknown-method",
    "unknown-option",
    "bad-option",
    "bad-frames",
    "no-device",
    "unknown-sequence",
}

app = typer.Typer(
    name="napari-mrf",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Magnetic resonance fingerprinting: from a measured series to parameter maps.",
    epilog="Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 bad input.",
)


def _known_method(name: str | None) -> str | None:
    from napari_mrf import methods

    if name is not None and name not in methods.names():
        raise typer.BadParameter(f"{name!r} is none of {', '.join(methods.names())}")
    return name


def _known_mode(name: str) -> str:
    from napari_mrf.phantoms.acquire import MODES

    if name not in MODES:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(MODES)}")
    return name


Output = Annotated[Path, typer.Option("--output", "-o", help="Where the results go.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace earlier results.")]
JsonErrors = Annotated[bool, typer.Option("--json-errors", help="Bad input as JSON on stderr.")]
SequenceName = Annotated[
    str, typer.Option("--sequence", "-s", help="t1ff, fisp, a sequence JSON, or a CSV FA,TE,TR.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Magnetic resonance fingerprinting: from a measured series to parameter maps."""


@app.command()
def demo(
    output: Output = Path("mrf_demo"),
    no_gui: Annotated[bool, typer.Option("--no-gui", help="Do not open napari.")] = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Reconstruct the sample thigh, write maps and a figure, compare with the truth, open napari.

    Example: napari-mrf demo --output demo
    """
    from napari_mrf import demo as job

    result = job.run(output, overwrite=overwrite, progress=_progress)
    typer.echo(result.report())
    if not no_gui and job.has_display():
        from napari_mrf.widgets.launch import open_viewer

        open_viewer(series=result.series, maps_sets={result.method: result.maps})


@app.command(name="methods")
def list_methods(json_errors: JsonErrors = False) -> None:
    """List the reconstruction methods.

    Example: napari-mrf methods
    """
    from napari_mrf import methods, sequences

    rows = [("name", "kind", "sequences", "maps", "what", "weights", "source")]
    for info in methods.available():
        kinds = [make() for make in sequences.NAMED.values()]
        fitting = [sequence for sequence in kinds if sequence.kind in info.sequence_kinds]
        maps = " / ".join(" ".join(sequence.parameters) for sequence in fitting)
        names = ", ".join(sequence.name for sequence in fitting)
        weights = info.weights or "not needed"
        rows.append((info.name, info.kind, names, maps, info.title, weights, info.paper))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(map(str.ljust, row, widths)).rstrip())


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
    from napari_mrf import sequences
    from napari_mrf.io import load_parameter_table, save_fingerprints
    from napari_mrf.simulation import simulate as simulate_fingerprints

    table = load_parameter_table(parameters)
    fingerprints = simulate_fingerprints(sequences.load(sequence), table)
    save_fingerprints(fingerprints, output, overwrite=overwrite)
    typer.echo(f"{len(fingerprints):,} fingerprints in {output}")


@app.command()
def reconstruct(
    series: Annotated[
        list[Path], typer.Argument(help="Series files or folders; several make a cohort.")
    ],
    output: Output,
    sequence: Annotated[
        str | None,
        typer.Option("--sequence", "-s", help="As in simulate; else from the sidecar."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", "-m", callback=_known_method, help="See napari-mrf methods."),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="NIfTI or .npy mask; automatic without.")
    ] = None,
    device: Device = "auto",
    refine: Annotated[
        bool | None,
        typer.Option(
            "--refine/--no-refine",
            help="Continuous values with standard deviations (default), or the pure grid answer.",
        ),
    ] = None,
    prior: Annotated[str | None, typer.Option(help="Of refinement: series, range or off.")] = None,
    sigma: Annotated[
        float | None, typer.Option(help="Noise standard deviation; estimated without.")
    ] = None,
    grid: Annotated[
        str | None, typer.Option(help="Values searched by water-fat: published or wide.")
    ] = None,
    frames: Annotated[
        str | None, typer.Option(help="Frames to use, such as 0-149; all without.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(help="Frames averaged, inside each echo time; 25 for streaks.")
    ] = None,
    smooth: Annotated[
        float | None, typer.Option(help="Gaussian in plane, standard deviation in voxels.")
    ] = None,
    conjugate: Annotated[
        bool | None, typer.Option("--conjugate", help="For a reversed phase sign.")
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help="Axis order of arrays without one, such as XYZT.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Dataset or variable in the file.")] = None,
    phase_unit: Annotated[
        str | None, typer.Option(help="Unit of a phase image that does not say.")
    ] = None,
    average_spokes: Annotated[
        bool, typer.Option("--average-spokes", help="Average the spokes of each frame first.")
    ] = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Reconstruct parameter maps: one NIfTI per map, quality, flags and maps.json.

    Example: napari-mrf reconstruct thigh.nii.gz --sequence t1ff --output maps
    """
    from napari_mrf import sequences
    from napari_mrf.io import find_series, load_series

    chosen = {
        "refine": refine,
        "prior": prior,
        "sigma": sigma,
        "grid": grid,
        "frames": frames,
        "window": window,
        "smooth": smooth,
        "conjugate": conjugate,
    }
    given = {key: value for key, value in chosen.items() if value is not None}
    chosen_sequence = None if sequence is None else sequences.load(sequence)
    found = find_series(series)
    several = len(found) > 1 or any(path.is_dir() for path in series)
    reading: dict[str, Any] = {
        "mask": mask,
        "axes": axes,
        "dataset": dataset,
        "phase_unit": phase_unit,
        "average_spokes": average_spokes,
    }
    refused: list[MRFInputError] = []
    for name, path in found.items():
        folder = output / name if several else output
        try:
            _refuse_results(folder, overwrite)
            loaded = load_series(path, chosen_sequence, **reading)
            _reconstruct(loaded, folder, method, {"device": device, **given}, overwrite)
        except MRFInputError as error:
            if not several or error.code in _WRONG_USAGE:
                raise
            # One bad series must not cost the rest of a cohort.
            typer.echo(f"{name} was left out. {error}", err=True)
            refused.append(error)
    if refused:
        typer.echo(f"{len(refused)} of {len(found)} series were left out.", err=True)
        raise refused[0]


def _reconstruct(
    series: MRFSeries, folder: Path, method: str | None, options: dict[str, Any], overwrite: bool
) -> None:
    from napari_mrf import methods
    from napari_mrf.io import save_maps

    label = folder.name if series.source_path is None else Path(series.source_path).name
    for warning in series.warnings:
        typer.echo(f"{label}: {warning}", err=True)
    if series.sequence is None:
        raise typer.BadParameter(
            "the series does not say its sequence; give one", param_hint="--sequence"
        )
    name = method or methods.default_name(series.sequence)
    options = methods.default_options(name) | options
    maps = _progress(methods.get(name, sequence=series.sequence, **options), series)
    save_maps(maps, folder, overwrite=overwrite)
    for warning in maps.provenance.get("warnings", ()):
        typer.echo(f"{label}: {warning}", err=True)
    typer.echo(_summary(folder, maps))


@app.command()
def phantom(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for series and truth.")],
    seed: Annotated[int, typer.Option(help="Another seed, another anatomy.")] = 0,
    size: Annotated[int, typer.Option(min=32, max=512, help="Pixels across.")] = 128,
    slices: Annotated[int, typer.Option(min=1, max=64, help="Number of slices.")] = 1,
    mode: Annotated[
        str, typer.Option(callback=_known_mode, help="radial, fully-sampled or noise-only.")
    ] = "radial",
    snr_db: Annotated[float, typer.Option(help="Noise level; see docs/physics.md.")] = 20.0,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Make a thigh phantom: acquired MRF T1-FF series, true maps and muscle labels.

    Example: napari-mrf phantom --output phantom --seed 3 --mode radial
    """
    from napari_mrf import sequences
    from napari_mrf.phantoms.acquire import acquire
    from napari_mrf.phantoms.files import save_phantom
    from napari_mrf.phantoms.thigh import thigh

    anatomy = thigh((slices, size, size), seed=seed)
    acquired = acquire(anatomy, sequences.t1ff(), mode=mode, snr_db=snr_db, seed=seed)  # type: ignore[arg-type]
    written = save_phantom(output, anatomy, acquired, overwrite=overwrite)
    typer.echo("\n".join(str(path) for path in written))


@app.command(name="clear-cache")
def clear_cache(json_errors: JsonErrors = False) -> None:
    """Delete cached dictionaries and unpacked series; they are made again when needed.

    Example: napari-mrf clear-cache
    """
    from napari_mrf.dictionary.cache import clear_cache as clear_dictionaries
    from napari_mrf.io import clear_unpacked_cache

    freed = clear_dictionaries() + clear_unpacked_cache()
    typer.echo(f"{freed / 1e6:,.1f} MB freed")


def _refuse_results(folder: Path, overwrite: bool) -> None:
    # Said before the work, not after it; save_maps checks again.
    if (folder / "maps.json").exists() and not overwrite:
        raise MRFInputError(
            "exists",
            "the folder holds results already",
            path=folder,
            hint="Give --overwrite to replace them.",
        )
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise MRFInputError(
            "not-writable", "results cannot be written here", path=folder, found=str(place)
        )


def _progress(method: Method, series: MRFSeries) -> ParameterMaps:
    from tqdm import tqdm

    maps = None
    with tqdm(desc=method.name, unit=" voxels", disable=not sys.stderr.isatty()) as bar:
        for update in method.iter_reconstruct(series):
            bar.set_description(f"{method.name}, {update.stage}", refresh=False)
            if update.done < bar.n:  # a second pass counts again
                bar.reset()
            bar.total = update.total
            bar.update(update.done - bar.n)
            maps = update.maps
    if maps is None:
        raise RuntimeError("the method gave no maps")
    return maps


def _summary(folder: Path, maps: ParameterMaps) -> str:
    counts = maps.provenance.get("counts", {})
    text = f"{folder}: {', '.join(maps)} for {counts.get('voxels', 0):,} voxels"
    if counts.get("not_finite"):
        text += f"; {counts['not_finite']:,} not finite and left out"
    if counts.get("no_signal"):
        text += f"; {counts['no_signal']:,} without signal"
    return text


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        app(words, prog_name="napari-mrf")
    except MRFInputError as error:
        message: Any = error.as_dict() if "--json-errors" in words else None
        text = f"Error: {error}" if message is None else json.dumps({"error": message})
        typer.echo(text, err=True)
        return 2 if error.code in _WRONG_USAGE else 3
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        text = " ".join(str(error).split())
        typer.echo(f"Internal error: {type(error).__name__}: {text}", err=True)
        return 1
    return 0


def run() -> None:
    """Console entry point."""
    sys.exit(main())
