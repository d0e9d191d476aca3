"""Label maps of automatic segmenters become ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors, Overwrite


@app.command()
def labels(
    label_map: Annotated[
        Path | None, typer.Argument(metavar="MAP", help="Label map (NIfTI).", show_default=False)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="What drew it: a model (--models), or a table number,name,label (CSV).",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Label map to write (.nii.gz); names beside it (.txt)."
        ),
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="Print the table of a model as CSV, to be edited.")
    ] = None,
    models: Annotated[bool, typer.Option("--models", help="List the models.")] = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Read the label map of an automatic segmenter as our muscles.

    Numbers of MuscleMap and TotalSegmentator become those of our regions; what is none of our
    regions keeps a name and a number of its own. The grid stays.

    Example: napari-mrf labels seg.nii.gz --from musclemap --output muscles.nii.gz
    """
    from napari_mrf.io.labels.foreign import load_numbers, translate_file
    from napari_mrf.rois.segmenters import format_table, segmenter_tables

    if models:
        for name, known in segmenter_tables().items():
            ours = sum(bool(one.label) for one in known.values())
            typer.echo(f"{name}: {len(known)} structures, {ours} of them are our regions")
    elif table is not None:
        typer.echo(format_table(load_numbers(table)), nl=False)
    elif label_map is None or model is None or output is None:
        raise typer.BadParameter("give a label map, --from and --output; or --models, or --table")
    else:
        found = translate_file(label_map, model, output, overwrite=overwrite)
        typer.echo("\n".join([f"{output}: {len(found.labels)} regions", *found.sentences()]))
