"""Importance of each frame for each map."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import (
    Device,
    JsonErrors,
    MaskFile,
    MethodName,
    Output,
    Overwrite,
    SeriesSequence,
)

if TYPE_CHECKING:
    from napari_mrf.analysis.importance.result import Importance
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method


@app.command()
def importance(
    series: Annotated[Path, typer.Argument(help="A series file.")],
    output: Output,
    method: MethodName = None,
    sequence: SeriesSequence = None,
    mask: MaskFile = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="Folder of true maps. Default: the maps of the unpermuted series."),
    ] = None,
    repeats: Annotated[int, typer.Option(help="Repeats of every permutation.")] = 3,
    voxels: Annotated[
        int, typer.Option(min=0, help="Number of voxels of the mask; 0 for all.")
    ] = 1000,
    choice: Annotated[
        str,
        typer.Option(
            help="balanced: only voxels with a signal, as many from every region of --rois, or "
            "from every tenth of the fat fraction; random: from the mask as it is, as in the paper."
        ),
    ] = "balanced",
    rois: Annotated[
        Path | None, typer.Option(help="Label map on the grid of the series, to choose voxels by.")
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(help="Frames from one group to the next; frames between groups are left out."),
    ] = None,
    group: Annotated[int, typer.Option(help="Consecutive frames permuted together.")] = 1,
    seed: Annotated[
        int, typer.Option(help="Seed of the choice of voxels and of every permutation.")
    ] = 0,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Permute measured values, with receive phase and gain."),
    ] = False,
    layers: Annotated[
        list[str] | None,
        typer.Option(help="Map whose change in every voxel is written; may be repeated."),
    ] = None,
    device: Device = "auto",
    refine: Annotated[
        bool | None, typer.Option("--refine/--no-refine", help="As in reconstruct.")
    ] = None,
    prior: Annotated[str | None, typer.Option(help="As in reconstruct.")] = None,
    grid: Annotated[str | None, typer.Option(help="As in reconstruct.")] = None,
    frames: Annotated[
        str | None, typer.Option(help="Frames that the method uses, such as 0-149. Default: all.")
    ] = None,
    window: Annotated[int | None, typer.Option(help="As in reconstruct.")] = None,
    smooth: Annotated[float | None, typer.Option(help="As in reconstruct.")] = None,
    conjugate: Annotated[
        bool | None, typer.Option("--conjugate", help="As in reconstruct.")
    ] = None,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Measure how much each frame contributes to each map: CSV, figure, NIfTI layers.

    The values of a frame change places between voxels, the maps are reconstructed, and the
    change of their NRMSE is the importance of the frame (RMS); beside it stand the median and the
    quartiles of the change over the voxels. The share of the frame in the Fisher
    information needs no data.

    Example: napari-mrf importance thigh.nii.gz --method water-fat --layers FF --output importance
    """
    from napari_mrf import methods
    from napari_mrf.analysis.importance.options import ImportanceOptions
    from napari_mrf.data import sequences
    from napari_mrf.io import load_labels, load_maps, load_series
    from napari_mrf.report.importance import IMPORTANCE_RESULTS, save_importance

    options = ImportanceOptions(
        repeats=repeats,
        group=group,
        stride=stride,
        voxels=voxels or None,
        choice=choice,
        seed=seed,
        intensities="raw" if raw else "aligned",
    )
    IMPORTANCE_RESULTS.refuse_earlier(output, overwrite=overwrite)
    chosen = None if sequence is None else sequences.load(sequence)
    loaded = load_series(series, chosen, mask=mask, frames=frames)
    for warning in loaded.warnings:
        typer.echo(f"{series.name}: {warning}", err=True)
    if loaded.sequence is None:
        raise typer.BadParameter("the series has no sequence; give one", param_hint="--sequence")
    asked = {
        "refine": refine,
        "prior": prior,
        "grid": grid,
        "frames": frames,
        "window": window,
        "smooth": smooth,
        "conjugate": conjugate,
    }
    name = method or methods.default_name(loaded.sequence)
    settings = {key: value for key, value in asked.items() if value is not None}
    engine = methods.get(name, sequence=loaded.sequence, device=device, **settings)
    kept = list(dict.fromkeys(layers or ()))
    for key in kept:
        if key not in engine.parameters:
            raise typer.BadParameter(
                f"{key!r} is not one of {', '.join(engine.parameters)}", param_hint="--layers"
            )
    truth = None if reference is None else load_maps(reference)
    for text in () if truth is None else truth.file_warnings:
        typer.echo(f"Header of {text}", err=True)
    regions = None
    if rois is not None:
        regions = load_labels(rois, loaded.spatial_shape, loaded.affine)
        for text in regions.warnings:
            typer.echo(text, err=True)
    found = _with_progress(
        engine, loaded, reference=truth, regions=regions, options=options,
        keep=kept[0] if kept else None,
    )  # fmt: skip
    save_importance(found, output, layers=kept, overwrite=overwrite)
    for warning in found.provenance["warnings"]:
        typer.echo(warning, err=True)
    typer.echo(_summary(output, found))


def _with_progress(method: Method, series: MRFSeries, **keywords: Any) -> Importance:
    from tqdm import tqdm

    from napari_mrf.analysis.importance.measure import iter_importance
    from napari_mrf.compute.steps import Steps

    steps = Steps(iter_importance(method, series, **keywords))
    with tqdm(desc=method.name, unit=" frames", disable=not sys.stderr.isatty()) as bar:
        for update in steps:
            bar.set_description(f"{method.name}, {update.stage}", refresh=False)
            bar.total = update.total
            bar.update(update.done - bar.n)
    return steps.result


def _summary(folder: Path, found: Importance) -> str:
    import numpy as np

    lines = [
        f"{folder}: {found.method}, {found.places.shape[1]:,} voxels, "
        f"{len(found.groups)} of {found.n_frames} frames permuted"
        if found.options.group == 1
        else f"{folder}: {found.method}, {found.places.shape[1]:,} voxels, "
        f"{len(found.groups)} groups of frames permuted"
    ]
    for key in found.keys:
        if found.baseline[key].reason:
            lines.append(f"{key}: {found.baseline[key].reason}")
            continue
        mean = found.mean(key)
        order = np.argsort(-mean)[:3]
        top = ", ".join(f"{found.groups[g, 0]} ({100 * mean[g]:.2g} %)" for g in order)
        lines.append(f"{key}: most important frames by RMS change {top}")
    return "\n".join(lines)
