"""Reconstruction of the sample data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors, Output, Overwrite

if TYPE_CHECKING:
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method


@app.command()
def demo(
    output: Output = Path("mrf_demo"),
    no_gui: Annotated[bool, typer.Option("--no-gui", help="Do not open napari.")] = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Reconstruct the sample thigh, write maps and a comparison with the truth, open napari.

    Example: napari-mrf demo --output demo
    """
    from napari_mrf import demo as job

    result = job.run(output, overwrite=overwrite, progress=with_progress)
    typer.echo(result.report())
    if not no_gui and job.has_display():
        from napari_mrf.plugin.launch import open_viewer

        open_viewer(series=result.series, maps_sets={result.method: result.maps},
                    folders={result.method: result.directory})  # fmt: skip


def with_progress(method: Method, series: MRFSeries) -> ParameterMaps:
    """Reconstruct with a progress bar on a terminal."""
    from tqdm import tqdm

    with tqdm(desc=method.name, unit=" voxels", disable=not sys.stderr.isatty()) as bar:
        for update in method.iter_reconstruct(series):
            bar.set_description(f"{method.name}, {update.stage}", refresh=False)
            if update.done < bar.n:  # a second pass counts again
                bar.reset()
            bar.total = update.total
            bar.update(update.done - bar.n)
    return update.maps
