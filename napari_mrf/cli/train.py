"""Train a network by a recipe, and write trained weights as ONNX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import Device, JsonErrors, Overwrite

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_mrf.networks.card import ModelCard
    from napari_mrf.training.loop.loop import TrainingStep
    from napari_mrf.training.loop.processes import Processes
    from napari_mrf.training.recipe import Recipe


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped recipe.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for weights and card.")],
    init: Annotated[
        str | None,
        typer.Option(help="Initial weights: an installed network, or the path of a card."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs, instead of that of the recipe.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="Time limit; the learning rate falls accordingly."),
    ] = None,
    device: Device = "cpu",
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Train a network: weights, card, and the course of the training as table and figure.

    A stopped training continues from its checkpoint in the output folder.

    Example: napari-mrf train t1ff-cohen --output cohen

    With a recipe of your own: napari-mrf train my-recipe.toml --output mine --minutes 30

    Fine-tuning: napari-mrf train my-recipe.toml --init cohen --output finer

    Two GPUs: torchrun --nproc-per-node 2 --no-python napari-mrf train RECIPE -o DIR --device cuda
    """
    from napari_mrf.compute.devices import resolve_device
    from napari_mrf.training.loop.processes import Processes
    from napari_mrf.training.recipe import load_recipe

    plan = load_recipe(recipe).changed(epochs=epochs, minutes=minutes, init=init)
    target = resolve_device(device)
    processes = Processes.join(target)
    try:
        _train(plan, output, processes, overwrite)
        processes.wait()  # one that is left alone in the group may be ended before its exit
    finally:
        processes.leave()


def _train(plan: Recipe, output: Path, processes: Processes, overwrite: bool) -> None:
    from napari_mrf.io.result_folder import ResultKind
    from napari_mrf.training.run import run

    card_path, checkpoint = output / f"{plan.network}.json", output / f"{plan.network}.checkpoint"
    kind = ResultKind("weights of this network", card_path.name)
    # A training that was to replace earlier weights and was stopped goes on as any other.
    kind.refuse_earlier(output, overwrite=overwrite or checkpoint.exists())
    processes.wait()
    if overwrite and processes.is_first:
        checkpoint.unlink(missing_ok=True)
    processes.wait()
    figures: list[Path] = []

    def draw(sequence_name: str, history: list[dict[str, float]]) -> None:
        figures.extend(_draw(plan.network, sequence_name, history, output))

    training = run(plan, output, processes=processes, draw=draw)
    card = _watch(training, plan, show=processes.is_first)
    if card is not None:
        typer.echo(_summary(card, card_path))
        typer.echo(f"  course of the training: {', '.join(map(str, figures))}")


def _watch(
    training: Generator[TrainingStep, None, ModelCard | None], plan: Recipe, *, show: bool
) -> ModelCard | None:
    from tqdm import tqdm

    from napari_mrf.compute.steps import Steps

    steps = Steps(training)
    with tqdm(
        desc=plan.network,
        total=plan.optimisation.epochs,
        unit=" epochs",
        disable=not (show and sys.stderr.isatty()),
    ) as bar:
        for step in steps:
            bar.n = step.epoch + step.share
            history = step.progress.history
            score = f", R² {history[-1]['validation_r_squared']:.4f}" if history else ""
            bar.set_postfix_str(f"loss {step.loss:.5f}{score}")
    return steps.result


def _draw(
    network: str, sequence_name: str, history: list[dict[str, float]], folder: Path
) -> list[Path]:
    """Write the figure beside the table; return both."""
    from napari_mrf.io.atomic import atomic_write
    from napari_mrf.plots.figure_files import write_figure
    from napari_mrf.plots.training_figure import training_figure
    from napari_mrf.training.loop.course import course_path

    paths = [course_path(folder, network)]
    figure = training_figure(f"{network}, {sequence_name}", history)
    for kind in ("svg", "png"):
        paths.append(folder / f"{network}.training.{kind}")
        with atomic_write(paths[-1]) as staged:
            write_figure(figure, staged, kind)
    return paths


def _summary(card: ModelCard, path: Path) -> str:
    lines = [f"{path}: {card.n_epochs} epochs in {card.training_minutes:g} min; {card.test_data}"]
    for one in card.metrics:
        relative = one.mean_relative_error_percent
        lines.append(
            f"  noise {one.sigma:<8g}{one.map:<7} MAE {one.mean_absolute_error:<9.3g}"
            f"MRE {'-' if relative is None else f'{relative:.1f} %':<9}R² {one.r_squared:.3f}"
        )
    return "\n".join(lines)


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
