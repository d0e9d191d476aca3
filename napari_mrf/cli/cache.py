"""Cache of the user: dictionaries, unpacked series, samples and phantoms."""

from __future__ import annotations

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors


@app.command(name="clear-cache")
def clear_cache(json_errors: JsonErrors = False) -> None:
    """Delete cached dictionaries, unpacked series, samples and phantoms; they are made again.

    What a running process uses is kept, with a line that says so.

    Example: napari-mrf clear-cache
    """
    from napari_mrf.dictionary.cache import clear_cache as clear_dictionaries
    from napari_mrf.io import clear_unpacked_cache
    from napari_mrf.phantoms.samples.brain import clear_cache as clear_samples
    from napari_mrf.training.data.phantom_slices import clear_cache as clear_phantoms

    freed = clear_dictionaries() + clear_unpacked_cache() + clear_phantoms() + clear_samples()
    typer.echo(f"{freed / 1e6:,.1f} MB freed")
