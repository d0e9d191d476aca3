"""The network of MedIA 2020 in other sizes, trained on phantoms in the place of patients."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_mrf.networks.zoo import network_info
from napari_mrf.reproduction.variants import Variant, errors_of, phantoms_of
from napari_mrf.training.recipe import MapRange, Noise, Optimisation, PhantomImages, Recipe

if TYPE_CHECKING:
    from napari_mrf.networks.zoo import NetworkInfo
    from napari_mrf.reproduction.experiment import Settings

NETWORK = "balsiger2020"
KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")

_EPOCHS = 6


def sized(receptive_field: int, n_parameters: int = 5_000_000) -> NetworkInfo:
    """Return the description of the network of the paper with another size.

    Parameters
    ----------
    receptive_field : int
        In voxels, odd.
    n_parameters : int
        Wanted.
    """
    margin = (receptive_field - 1) // 2
    return replace(
        network_info(NETWORK), margin=margin, reach=margin,
        arguments={"receptive_field": receptive_field, "n_parameters": n_parameters},
    )  # fmt: skip


def phantoms_recipe(*, quick: bool, slices: int = 40, seed: int = 0) -> Recipe:
    """Return a training on radial scans of phantoms, by the loss of the paper.

    Parameters
    ----------
    quick : bool
        Few small slices and steps.
    slices : int
        Phantoms.
    seed : int
        Of people, weights and noise.
    """
    data = PhantomImages(
        kind="phantoms", slices=slices, validation_slices=6, undersampled=1.0, patch=24,
        patches=800, validation_patches=96,
    )  # fmt: skip
    if quick:
        data = PhantomImages(
            kind="phantoms", slices=min(slices, 2), validation_slices=1, undersampled=1.0,
            matrix_lower=48, matrix_upper=48, encoded_matrix=48, patch=8, patches=64,
            validation_patches=16,
        )  # fmt: skip
    return Recipe(
        network=NETWORK,
        sequence="t1ff",
        is_reduced=True,
        maps={
            "FF": MapRange(lower=0.0, upper=1.0),
            "T1H2O": MapRange(lower=400.0, upper=3100.0),
            "T1fat": MapRange(lower=180.0, upper=500.0),
            "Df": MapRange(lower=-150.0, upper=150.0),
            "B1": MapRange(lower=0.25, upper=1.25),
        },
        data=data,
        noise=Noise(sigma_lower=0.000877, sigma_upper=0.0277),
        optimisation=Optimisation(
            learning_rate=1e-3, warm_up=0.02, batch=8, epochs=2 if quick else _EPOCHS, seed=seed
        ),
    )


def error_rows(
    name: str, info: NetworkInfo, recipe: Recipe, settings: Settings, labels: dict[str, Any]
) -> list[dict[str, Any]]:
    """Train a network and return its errors, a row for each map, with these labels."""
    found = errors_of(Variant(name, info, recipe), settings)
    return [
        {**labels, "map": key, "r_squared": found.r_squared[key],
         "mean_absolute_error": found.mean_absolute_error[key]}
        for key in KEYS
    ]  # fmt: skip


def steps_of(recipe: Recipe) -> int:
    """Return the steps of a training on phantoms."""
    plan = recipe.optimisation
    return -(-phantoms_of(recipe).patches // plan.batch) * plan.epochs
