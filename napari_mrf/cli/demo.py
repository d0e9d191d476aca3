"""Reconstruction of the sample data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors, Output, Overwrite
from napari_mrf.cli.progress import with_progress


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
