"""Fingerprints of voxels and regions: measured, predicted, and the values behind them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import (
    JsonErrors,
    Output,
    Overwrite,
    SeriesSequence,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_mrf.analysis.inspection.inspect import Inspected
    from napari_mrf.analysis.inspection.prediction import Prediction
    from napari_mrf.data.series import MRFSeries

_COMPONENTS = ("magnitude", "real", "imaginary", "phase")


def _voxel(word: str) -> tuple[int, int, int]:
    try:
        z, y, x = (int(part) for part in word.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{word!r} is not Z,Y,X, such as 0,81,92", param_hint="--voxel"
        ) from None
    return z, y, x


def _known_component(name: str) -> str:
    if name not in _COMPONENTS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(_COMPONENTS)}")
    return name


@app.command("inspect")
def inspect_series(
    series: Annotated[Path, typer.Argument(help="A series file.")],
    output: Output,
    maps: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of maps to predict fingerprints from; may be repeated."),
    ] = None,
    voxel: Annotated[
        list[str] | None,
        typer.Option(
            help="Z,Y,X in the order of the file, counted from 0, as the Inspect panel shows it: "
            "0,81,92 is slice 0, row 81, column 92; may be repeated."
        ),
    ] = None,
    rois: Annotated[
        Path | None, typer.Option(help="Label map, for the mean fingerprints of regions.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="ITK-SNAP label file with names. Default: the .txt beside the label map."
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="Name or number of a region; may be repeated. Default: all."),
    ] = None,
    sequence: SeriesSequence = None,
    frames: Annotated[
        str | None,
        typer.Option(help="Frames that are there, such as 0-149, if a scan was cut short."),
    ] = None,
    component: Annotated[
        str,
        typer.Option(
            callback=_known_component,
            help="Part of the signal in the figures: magnitude, real, imaginary or phase.",
        ),
    ] = "magnitude",
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Write fingerprints of voxels and regions: CSV, figure (SVG, PDF), values ± SD.

    Of each voxel or region a CSV file with a row for each frame (what was measured, what every
    set of maps predicts, their difference) and a figure; values.csv with values, standard
    deviations, fit and the reason where there is none; regions.csv; inspect.json.

    Example: napari-mrf inspect thigh.nii.gz --maps maps --voxel 0,81,92 --output fingerprints
    """
    from napari_mrf.analysis.inspection import inputs
    from napari_mrf.data import sequences
    from napari_mrf.io import load_series
    from napari_mrf.report.inspection import INSPECTION_RESULTS, iter_save_inspection

    if not voxel and rois is None:
        raise typer.BadParameter("nothing to inspect; give --voxel or --rois")
    if rois is None and (region or labels is not None):
        raise typer.BadParameter(
            "--region and --labels need --rois, a label map", param_hint="--rois"
        )
    asked = [_voxel(word) for word in voxel or ()]
    INSPECTION_RESULTS.refuse_earlier(output, overwrite=overwrite)
    chosen = None if sequence is None else sequences.load(sequence)
    loaded = load_series(series, chosen, frames=frames)
    if loaded.sequence is None and maps:
        raise typer.BadParameter("the series has no sequence; give one", param_hint="--sequence")
    voxels = inputs.check_voxels(asked, loaded)
    sets = inputs.load_maps_to_inspect(maps or (), loaded)
    inspected = list(inputs.inspect_voxels(loaded, voxels, sets.predictors))
    regions, statistics = None, None
    if rois is not None:
        regions = inputs.load_regions_to_inspect(
            rois, loaded, label_table=labels, asked=region or ()
        )
        inspected += inputs.inspect_regions(loaded, regions, sets.predictors)
        statistics = inputs.region_values(sets, regions) if sets.sets else None
    warnings = [*loaded.warnings, *sets.warnings]
    if regions is not None:
        warnings += [*regions.warnings, *inputs.region_notes(sets, regions)]
    warnings += _reasons(inspected)
    record = {
        "inputs": {
            "series": {"path": str(series), "sha256": loaded.source_sha256},
            "sequence": _sequence_record(loaded),
            "maps": list(sets.record),
            "labels": None if regions is None else regions.record,
        },
        "options": {
            "voxels_zyx": voxels,
            "regions": {} if regions is None else dict(regions.names),
            "component": component,
        },
        "warnings": warnings,
    }
    _with_bar(
        iter_save_inspection(
            inspected,
            output,
            sequence=loaded.sequence,
            regions=statistics,
            component=component,
            record=record,
            overwrite=overwrite,
        ),
        len(inspected),
    )
    for warning in warnings:
        typer.echo(warning, err=True)
    typer.echo(_summary(output, inspected))


def _sequence_record(series: MRFSeries) -> dict[str, str] | None:
    if series.sequence is None:
        return None
    return {"name": series.sequence.name, "fingerprint": series.sequence.fingerprint()}


def _reasons(inspected: Sequence[Inspected]) -> list[str]:
    """Return a sentence for everything that is missing, each once."""
    sentences = []
    for one in inspected:
        if one.trace.problem:
            sentences.append(f"{one.trace.name}: {one.trace.problem}.")
        sentences += [
            f"{one.trace.name}, {prediction.name}: {prediction.reason}."
            for prediction in one.trace.predictions
            if prediction.reason
        ]
    return list(dict.fromkeys(sentences))


def _with_bar(steps: Any, total: int) -> None:
    from tqdm import tqdm

    with tqdm(steps, "inspect", total, disable=not sys.stderr.isatty()) as bar:
        for name in bar:
            bar.set_postfix_str(name)


def _summary(output: Path, inspected: Sequence[Inspected]) -> str:
    n = len(inspected)
    lines = [f"{output}: {n} {'fingerprint' if n == 1 else 'fingerprints'}"]
    for one in inspected:
        for prediction in one.trace.predictions:
            words = ", ".join(_values(prediction))
            if words:
                lines.append(f"{one.trace.name}, {prediction.name}: {words}")
    return "\n".join(lines)


def _values(prediction: Prediction) -> list[str]:
    from napari_mrf.data.parameters import PARAMETERS, rules_broken
    from napari_mrf.plots.printed_numbers import significant

    broken = rules_broken(prediction.values)
    words = []
    for key, value in prediction.values.items():
        if math.isnan(value):
            continue
        deviation = prediction.deviations.get(key, math.nan)
        spread = "" if math.isnan(deviation) else f" ± {significant(deviation, 2)}"
        unit = PARAMETERS[key].unit
        valid = f" (not valid: {broken[key]} only)" if key in broken else ""
        words.append(f"{key} {significant(value, 4)}{spread}{f' {unit}' if unit else ''}{valid}")
    if not math.isnan(prediction.correlation):
        words.append(f"fit {prediction.correlation:.3f}")
    return words
