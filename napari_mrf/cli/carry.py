"""Regions of one scan are carried to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors, Overwrite


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
    (.png) before you use the regions.

    Example: napari-mrf carry muscles.nii.gz --from visit1 --to visit2 --output visit2.nii.gz
    """
    from napari_mrf.analysis.registration.carry import carry_labels, load_pair
    from napari_mrf.io.atomic import atomic_write, refuse_existing
    from napari_mrf.io.labels.label_maps import save_labels
    from napari_mrf.io.labels.label_table import load_label_table, names_path, save_label_table
    from napari_mrf.plots.carried_figure import carried_figure
    from napari_mrf.plots.figure_files import write_figure
    from napari_mrf.rois.label_set import with_unknown_labels
    from napari_mrf.rois.muscles import default_labels

    names, picture = names_path(output), names_path(output).with_suffix(".png")
    for path in (output, names, picture):
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
    said = f"{output}: {len(drawn)} regions, by {what}; look at {picture.name} first"
    typer.echo("\n".join([said, *carried.sentences()]))
