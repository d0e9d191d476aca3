"""What there is to reconstruct with."""

from __future__ import annotations

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors


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
