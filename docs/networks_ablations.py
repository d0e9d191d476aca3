"""What each part of `subspacenet` and of its training is worth, on an in-vivo thigh.

    python docs/networks_ablations.py DATA --output FOLDER [--epochs 5] [--only NAME ...]

DATA is that of networks_random.py and does not come with this package. Every variant is trained for
as many steps, by the recipe `t1ff-subspacenet` but for one thing, and measured as
networks_in_vivo.py does it. FOLDER keeps the trainings: the same command goes on where it was
stopped. The table goes between its marks in networks.md when all variants are there.
"""

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from marked_page import replace
from networks_in_vivo import THIGH, errors, measure, thigh
from torch import nn

import napari_mrf as mrf
from napari_mrf.compute.steps import Steps
from napari_mrf.compute.threads import on_one_thread
from napari_mrf.data.sequence import Sequence
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.zoo import network_info
from napari_mrf.reconstruction.in_vivo import NOISE_ONLY, UNDERSAMPLED
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.training.data.batches import MadeInOrder
from napari_mrf.training.data.fingerprints import unit_fingerprints
from napari_mrf.training.data.tissue import random_tissues
from napari_mrf.training.loop.loop import train
from napari_mrf.training.phantom_metrics import slice_maps
from napari_mrf.training.recipe import PhantomImages, Recipe, load_recipe
from napari_mrf.training.run import build, training_data

HERE = Path(__file__).parent
RECIPE, NETWORK = "t1ff-subspacenet", "subspacenet"
SHOWN = ("FF", "T1H2O", "T1fat")


class SingleVoxels(nn.Module):
    """A residual block that looks at no neighbors, with the margin of the one that does."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        inner = features[..., 2:-2, 2:-2]
        return inner + self.layers(inner)


def without_base(trained: TrainedNetwork, recipe: Recipe, sequence: Sequence) -> None:
    """Begin with the middle of each range in the place of the maps of `cohen`."""
    tissues = random_tissues(recipe.maps, 5_000, 0)
    signals = torch.from_numpy(unit_fingerprints(sequence, tissues))
    trained.network.start(trained.normalization.canonical(signals), None)


def without_subspace(trained: TrainedNetwork, recipe: Recipe, sequence: Sequence) -> None:
    """Begin with random numbers in the place of singular vectors; the noise is not told."""
    trained.network.projection.reset_parameters()
    trained.network.subspace.weight.zero_()


def without_neighbors(trained: TrainedNetwork, recipe: Recipe, sequence: Sequence) -> None:
    """Look at single voxels."""
    blocks = trained.network.blocks
    width = blocks[0].layers[1].in_channels
    trained.network.blocks = nn.Sequential(*[SingleVoxels(width) for _ in blocks])


def as_it_is(trained: TrainedNetwork, recipe: Recipe, sequence: Sequence) -> None:
    """Change nothing."""


@dataclass(frozen=True)
class Variant:
    """What is changed, in words for the table, in the network and in the data."""

    words: str
    change: Callable[[TrainedNetwork, Recipe, Sequence], None] = as_it_is
    white_texture: bool = True
    phantoms: bool = False


VARIANTS = {
    "whole": Variant("as it is"),
    "base": Variant("without the maps of `cohen`", without_base),
    "subspace": Variant("without the subspace", without_subspace),
    "neighbors": Variant("single voxels", without_neighbors),
    "texture": Variant("without white texture", white_texture=False),
    "phantoms": Variant("on phantoms of people", phantoms=True),
}


def recipe_of(variant: Variant, epochs: int) -> Recipe:
    """Return the recipe with fewer steps, and with other data where these differ."""
    recipe = load_recipe(RECIPE).changed(epochs=epochs)
    data = recipe.data.model_copy(update={"white_texture": variant.white_texture})
    if variant.phantoms:
        data = PhantomImages(
            kind="phantoms", slices=40, patch=data.patch, patches=data.patches,
            validation_patches=data.validation_patches,
        )  # fmt: skip
    return recipe.model_copy(update={"data": data})


def train_variant(name: str, folder: Path, epochs: int) -> TrainedNetwork:
    """Return a variant after its training."""
    variant = VARIANTS[name]
    recipe = recipe_of(variant, epochs)
    sequence, network = build(recipe)
    torch.manual_seed(recipe.optimisation.seed)
    with torch.no_grad():
        variant.change(network, recipe, sequence)
    training, validation = training_data(recipe, sequence, network.normalization)
    with ExitStack() as stack:
        if isinstance(training, MadeInOrder):
            stack.callback(training.close)
            stack.enter_context(on_one_thread())
        steps = Steps(
            train(recipe, network, training, validation, checkpoint=folder / f"{name}.checkpoint")
        )
        for step in steps:
            if step.share == 0.0:
                print(f"{name}: epoch {step.epoch}, loss {step.loss:.3f}", flush=True)
    return network


def maps_of(network: TrainedNetwork, series: mrf.MRFSeries, truth: mrf.ParameterMaps):
    """Return the maps of a slice where there is truth."""
    info = network_info(NETWORK)
    signals = np.moveaxis(np.asarray(series.signal[:, 0]), 0, -1)
    around = ((info.margin, info.margin), (info.margin, info.margin), (0, 0))
    found = slice_maps(network, np.pad(signals, around), info, torch.device("cpu"))
    inside = np.isfinite(truth["FF"])
    keys = load_recipe(RECIPE).maps
    maps = {key: np.where(inside, found[None, ..., at], np.nan) for at, key in enumerate(keys)}
    return mrf.ParameterMaps(maps, affine=truth.affine)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    networks = {name: train_variant(name, given.output, given.epochs) for name in given.only}
    rows = []
    for scan, words in ((NOISE_ONLY, "noise only"), (UNDERSAMPLED, "radial")):
        for truth, (subject,) in thigh(given.data).items():
            series = measure(subject, THIGH, scan)
            for name, network in networks.items():
                found = errors([maps_of(network, series, subject)], [subject], THIGH)
                cells = [rounded(found[key]) for key in SHOWN]
                rows.append([words, truth, VARIANTS[name].words, *cells])
                print(rows[-1], flush=True)
    steps = given.epochs * 200
    table = markdown_table(["scan", "truth", "trained", "FF", "T1H2O (ms)", "T1fat (ms)"], rows)
    if len(given.only) == len(VARIANTS):
        replace(HERE / "networks.md", "ablations", f"{steps:,} steps each.\n\n{table}")
    print(table)


if __name__ == "__main__":
    main()
