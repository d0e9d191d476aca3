"""Train a network by a recipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import Device, JsonErrors, Overwrite
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from napari_mrf.networks.card import ModelCard


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped recipe.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for weights and card.")],
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Stop at the end of the epoch of this minute.")
    ] = None,
    device: Device = "cpu",
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Train a network: weights, card, and the course of the training as CSV.

    A training that was stopped goes on from its checkpoint in the output folder.

    Example: napari-mrf train t1ff-cohen --output cohen
    """
    from napari_mrf.devices import resolve_device
    from napari_mrf.training.recipe import load_recipe
    from napari_mrf.training.run import run

    plan = load_recipe(recipe)
    changes: dict[str, Any] = {"epochs": epochs, "minutes": minutes}
    changes = {key: value for key, value in changes.items() if value is not None}
    plan = plan.model_copy(update={"optimisation": plan.optimisation.model_copy(update=changes)})
    target = resolve_device(device)
    card_path, checkpoint = output / f"{plan.network}.json", output / f"{plan.network}.checkpoint"
    if card_path.exists() and not overwrite:
        raise MRFInputError(
            "exists", "the folder holds weights of this network already", path=output,
            hint="Give --overwrite to train anew.",
        )  # fmt: skip
    if overwrite:
        checkpoint.unlink(missing_ok=True)
    card = _watch(run(plan, output, device=target), plan.network, plan.optimisation.epochs)
    typer.echo(_summary(card, card_path))


def _watch(training: Any, name: str, n_epochs: int) -> ModelCard:
    from tqdm import tqdm

    with tqdm(desc=name, total=n_epochs, unit=" epochs", disable=not sys.stderr.isatty()) as bar:
        while True:
            try:
                step = next(training)
            except StopIteration as stop:
                card: ModelCard = stop.value
                return card
            bar.n = step.epoch + step.share
            history = step.progress.history
            score = f", R² {history[-1]['validation_r_squared']:.4f}" if history else ""
            bar.set_postfix_str(f"loss {step.loss:.5f}{score}")


def _summary(card: ModelCard, path: Path) -> str:
    lines = [f"{path}: {card.n_epochs} epochs in {card.training_minutes:g} min; {card.test_data}"]
    for one in card.metrics:
        relative = one.mean_relative_error_percent
        lines.append(
            f"  noise {one.sigma:<8g}{one.map:<7} MAE {one.mean_absolute_error:<9.3g}"
            f"MRE {'-' if relative is None else f'{relative:.1f} %':<9}R² {one.r_squared:.3f}"
        )
    return "\n".join(lines)
