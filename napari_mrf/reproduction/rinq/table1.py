"""RinQ Table 1: magnitude or complex signals, convolutions or recurrence, one voxel or nine.

The paper has slices of four volunteers, and of eight for "more data". Here they are phantoms of
brains, measured by `mrf.sequences.fisp()`, 50-fold undersampled as in the paper.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.networks.zoo import network_info
from napari_mrf.reproduction.experiment import Outcome
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.reproduction.published import published_table
from napari_mrf.reproduction.variants import (
    OfMagnitudes,
    Variant,
    VoxelByVoxel,
    errors_of,
    phantoms_of,
)
from napari_mrf.training.recipe import MapRange, Noise, Optimisation, PhantomImages, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from torch import nn

    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.reproduction.experiment import Settings

CNN, RNN, MEDIAN = "CNN1", "RNN1", "RNN3"
MORE = "RNN3, more data"
SIGNALS = ("magnitude", "complex")

_PRINTED = ("rmse_ms", "T1_mean_absolute_error_ms", "T2_mean_absolute_error_ms")
_SLICES, _MORE_SLICES = 8, 19
_EPOCHS = 5


def run(settings: Settings) -> Outcome:
    """Remake Table 1."""
    import pandas as pd

    from napari_mrf.reproduction.figures.signals import signals_figure

    rows: list[dict[str, Any]] = []
    for signal in SIGNALS:
        for model in (CNN, RNN, MEDIAN, MORE):
            found = errors_of(_variant(model, signal, quick=settings.quick), settings)
            squares = (found.found - found.truth) ** 2
            rows.append({
                "model": model, "signals": signal, "rmse_ms": float(np.sqrt(squares.mean())),
                **{f"{key}_mean_absolute_error_ms": one
                   for key, one in found.mean_absolute_error.items()},
                **{f"{key}_r_squared": one for key, one in found.r_squared.items()},
            })  # fmt: skip
    table, paper = pd.DataFrame(rows), published_table("rinq-table1")
    recipe = _variant(MEDIAN, "complex", quick=settings.quick).recipe
    data = phantoms_of(recipe)
    more = phantoms_of(_variant(MORE, "complex", quick=settings.quick).recipe)
    n_voxels = data.patches * data.patch**2 * recipe.optimisation.epochs
    words = (
        "Root mean squared error over T1 and T2 (ms), in parentheses mean absolute errors of T1 "
        f"and T2 (ms). Test phantoms: {data.validation_slices}; training phantoms: "
        f"{data.slices}, and {more.slices} for more data; "
        f"{n_voxels:,} voxels each."
    )
    return Outcome(
        text=f"{words}\n\n{_section(table, paper)}",
        tables={"rinq-table1": table, "rinq-table1-paper": paper},
        figures={"rinq-table1": signals_figure(table, paper)},
        record={"recipe": recipe.model_dump(mode="json")},
    )


def _variant(model: str, signal: str, *, quick: bool) -> Variant:
    info = {CNN: network_info("hoppe"), RNN: network_info("rinq-1x1")}.get(
        model, network_info("rinq")
    )
    if signal == "magnitude" and model != CNN:
        info = replace(info, arguments={**info.arguments, "n_channels": 1})
    name = f"{model} {signal}".replace(", ", "-").replace(" ", "-")
    return Variant(
        name, info, _recipe(info, model, quick=quick), partial(_as_images, info.kind, signal)
    )


def _as_images(kind: str, signal: str, network: nn.Module) -> nn.Module:
    around: list[Callable[[nn.Module], nn.Module]] = []
    if kind == "fingerprint":
        around.append(VoxelByVoxel)
    if signal == "magnitude":
        around.append(OfMagnitudes)
    for one in around:
        network = one(network)
    return network


def _recipe(info: NetworkInfo, model: str, *, quick: bool) -> Recipe:
    data = PhantomImages(
        kind="phantoms", slices=_MORE_SLICES if model == MORE else _SLICES, validation_slices=2,
        matrix_lower=96, matrix_upper=128, undersampled=1.0, encoded_matrix=128,
        spokes_per_pulse=4, patch=4, patches=2560, validation_patches=512,
    )  # fmt: skip
    if quick:
        data = data.model_copy(update={
            "slices": 2 if model == MORE else 1, "validation_slices": 1, "matrix_lower": 40,
            "matrix_upper": 40, "encoded_matrix": 40, "patches": 8, "validation_patches": 4,
        })  # fmt: skip
    return Recipe(
        network=info.name,
        sequence="fisp",
        is_reduced=True,
        # The range of the paper's dictionary; its networks learn milliseconds, not logarithms.
        maps={"T1": MapRange(lower=10.0, upper=4500.0), "T2": MapRange(lower=2.0, upper=3000.0)},
        # Of the scans: 30 to 10 dB.
        noise=Noise(sigma_lower=0.00277, sigma_upper=0.0277),
        data=data,
        optimisation=Optimisation(
            learning_rate=1e-3, warm_up=0.05, largest_gradient=1.0, batch=32,
            epochs=1 if quick else _EPOCHS,
        ),
    )  # fmt: skip


def _section(table: pd.DataFrame, paper: pd.DataFrame) -> str:
    printed = paper.set_index(["method", "map"])["mean"]
    models = list(table["model"].unique())
    rows = []
    for signal in SIGNALS:
        said = [printed[model, signal] for model in models]
        cells = ["-" if np.isnan(one) else f"{one:.0f}" for one in said]
        rows.append([signal, "**paper**", *cells])
        of = table[table["signals"] == signal].set_index("model").loc[models, list(_PRINTED)]
        rows.append([signal, "here", *(
            f"{rounded(float(rmse))} ({rounded(float(t1))}, {rounded(float(t2))})"
            for rmse, t1, t2 in of.to_numpy(float)
        )])  # fmt: skip
    return markdown_table(["signals", "source", *models], rows)
