"""Write trained weights as ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors, Overwrite


@app.command()
def export(
    network: Annotated[
        str, typer.Argument(help="An installed network, or the path of a card (.json).")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .onnx.")],
    sequence: Annotated[
        str, typer.Option("--sequence", "-s", help="Which weights of an installed network.")
    ] = "t1ff",
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Write a network as ONNX for other programs, checked against torch.

    Input: fingerprints (N, 2, T) or images (N, 2, T, Y, X), real and imaginary parts in float32,
    of any phase and gain. Output: maps in their units. The card is in the metadata.

    Example: napari-mrf export cohen --sequence t1ff --output cohen.onnx
    """
    from napari_mrf.data import sequences
    from napari_mrf.io.atomic import refuse_existing
    from napari_mrf.networks.onnx_export import export_onnx
    from napari_mrf.networks.weights import find_card

    refuse_existing(output, overwrite=overwrite)
    card, difference = export_onnx(find_card(network, sequences.load(sequence)), output)
    maps = ", ".join(one.key for one in card.maps)
    typer.echo(
        f"{output}: {card.name} for {card.sequence_name}, {maps}; within {difference:.1g} of the "
        "range of a map of what torch gives"
    )
