"""Label maps from elsewhere: of automatic segmenters, and of another scan."""

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


@app.command()
def carry(
    labels: Annotated[Path, typer.Argument(help="Label map of the first scan (NIfTI).")],
    source: Annotated[
        Path, typer.Option("--from", help="Its maps (a folder), or an image of it (NIfTI).")
    ],
    target: Annotated[
        Path, typer.Option("--to", help="Maps, or an image, of the scan that gets the regions.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Label map to write (.nii.gz), with a picture.")
    ],
    rigid: Annotated[
        bool, typer.Option("--rigid", help="Move and turn only; do not stretch.")
    ] = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Carry regions to a follow-up scan, or to the grid of another reconstruction.

    The two images are registered, rigid and then affine. Look at the picture beside the label map
    (.png) before you use the regions. How they came about stands beside it too (.carried.json).

    Example: napari-mrf carry muscles.nii.gz --from visit1 --to visit2 --output visit2.nii.gz
    """
    from napari_mrf.analysis.registration.carry import carry_labels, load_pair
    from napari_mrf.io.atomic import atomic_write, refuse_existing
    from napari_mrf.io.formats.source import sha256_of
    from napari_mrf.io.labels.carried_record import record_path, save_record
    from napari_mrf.io.labels.label_maps import save_labels
    from napari_mrf.io.labels.label_table import load_label_table, names_path, save_label_table
    from napari_mrf.plots.carried_figure import carried_figure
    from napari_mrf.plots.figure_files import write_figure
    from napari_mrf.rois.label_set import with_unknown_labels
    from napari_mrf.rois.muscles import default_labels

    names, picture = names_path(output), names_path(output).with_suffix(".png")
    record = record_path(output)
    for path in (output, names, picture, record):
        refuse_existing(path, overwrite=overwrite)
    fixed, moving, what = load_pair(target, source)
    carried = carry_labels(labels, fixed, moving, kind="rigid" if rigid else "affine")
    table = default_labels()
    if names_path(labels).is_file():
        table = load_label_table(names_path(labels))
    drawn = sorted({*map(int, carried.values.ravel())} - {0})
    table = with_unknown_labels(table, drawn)
    save_labels(output, carried.values, fixed.affine, overwrite=overwrite)
    save_label_table(names, [table[label] for label in drawn], overwrite=overwrite)
    with atomic_write(picture) as temporary:
        colors = {label: table[label].color for label in drawn}
        write_figure(carried_figure(carried, colors), temporary, "png")
    files = {"labels": str(labels), "labels_sha256": sha256_of(labels), "image": str(source)}
    save_record(record, carried.record({**files, "by": what}, {"image": str(target)}))
    said = f"{output}: {len(drawn)} regions, by {what}; look at {picture.name} first"
    typer.echo("\n".join([said, *carried.sentences(table)]))
