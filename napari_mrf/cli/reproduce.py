"""Tables and figures of the papers, computed again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import Device, JsonErrors, Overwrite

if TYPE_CHECKING:
    from napari_mrf.reproduction.experiment import Progress


def _print_list(wanted: bool) -> None:
    if not wanted:
        return
    from napari_mrf.reproduction.experiments import EXPERIMENTS

    width = max(len(name) for name in EXPERIMENTS)
    for one in EXPERIMENTS.values():
        typer.echo(f"{one.name:<{width}}  {one.title} ({one.source})")
    raise typer.Exit


def _known_experiment(name: str) -> str:
    from napari_mrf.reproduction.experiments import EXPERIMENTS

    if name not in EXPERIMENTS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(EXPERIMENTS)}")
    return name


@app.command()
def reproduce(
    experiment: Annotated[
        str, typer.Argument(callback=_known_experiment, help="Name of the experiment; see --list.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for numbers and figures. Default: print only."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Use a small part of the data; takes seconds.")
    ] = False,
    train: Annotated[
        bool,
        typer.Option("--train", help="Train the paper's networks into OUTPUT/weights first."),
    ] = False,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01, help="Time limit for each training; the networks are then marked as reduced."
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of your own networks."),
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Maps of a real thigh (.npz)."),
    ] = None,
    device: Device = "cpu",
    overwrite: Overwrite = False,
    list_experiments: Annotated[
        bool,
        typer.Option("--list", callback=_print_list, is_eager=True, help="List the experiments."),
    ] = False,
    json_errors: JsonErrors = False,
) -> None:
    """Reproduce a table or a figure of a paper and print it beside the paper's numbers.

    Networks are the installed ones and those of --weights; missing ones are named.

    Example: napari-mrf reproduce inn-table1 --output inn-table1
    """
    from napari_mrf.reproduction.experiment import Settings
    from napari_mrf.reproduction.experiments import run_experiment
    from napari_mrf.reproduction.save import experiment_results, save_outcome

    if train and output is None:
        raise typer.BadParameter("--train needs --output", param_hint="--train")
    if output is not None:
        experiment_results(experiment).refuse_earlier(output, overwrite=overwrite)
    with _Bar() as bar:
        settings = Settings(
            quick=quick, train=train, minutes=minutes, device=device, weights=weights, maps=maps,
            folder=output, progress=bar.show,
        )  # fmt: skip
        outcome = run_experiment(experiment, settings)
    typer.echo(outcome.text)
    if output is not None:
        save_outcome(experiment, outcome, output, settings, overwrite=overwrite)
        typer.echo(f"\n{output}: numbers and figures")


class _Bar:
    """A progress bar on a terminal, one line per stage."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self._make: Any = tqdm
        self._bar: Any = None
        self._stage = ""

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    @property
    def show(self) -> Progress:
        return self._show

    def _show(self, stage: str, done: int, total: int) -> None:
        if self._bar is None or stage != self._stage:
            self.__exit__()
            self._bar = self._make(
                desc=stage, total=total, leave=False, disable=not sys.stderr.isatty()
            )
            self._stage = stage
        self._bar.total = total
        self._bar.update(done - self._bar.n)
