"""Trained weights made ready for the distributions: small, tested as they are stored, in place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_mrf.data import sequences
from napari_mrf.errors import MRFInputError
from napari_mrf.networks.card import read_card
from napari_mrf.networks.comparison import PLAINEST
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.weights import LARGER, installed, load_network, save_network
from napari_mrf.networks.zoo import network_info
from napari_mrf.training.finishing import IMAGES, SIMULATED, TEST_SIGMAS, test
from napari_mrf.training.phantom_metrics import metrics_on_phantoms
from napari_mrf.training.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.card import Metric, ModelCard

LARGEST_BESIDE_THE_CODE = 3_000_000
"""Bytes of weights that still come with the package."""

_TOLERATED_COST = 0.01
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Places:
    """Folders of the two distributions, each with one folder per sequence."""

    beside_the_code: Path
    larger: Path


def ship(card_path: Path, places: Places) -> tuple[ModelCard, Path]:
    """Store trained weights small and put them where their size belongs.

    Parameters
    ----------
    card_path : Path
        Of a training.
    places : Places
        Earlier weights of the same name are replaced, wherever they are.

    Returns
    -------
    tuple
        The card as stored, and its path.

    Raises
    ------
    MRFInputError
        ``"unknown-sequence"`` for one that has no name, ``"bad-recipe"`` for weights trained on
        somebody's own series, and those of `load_network`.
    """
    sequence, short = _named_sequence(read_card(card_path))
    target = places.beside_the_code / short / card_path.name
    other = places.larger / short / card_path.name
    card = store_small(card_path, target, sequence)
    if target.with_suffix(".safetensors").stat().st_size > LARGEST_BESIDE_THE_CODE:
        other.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".safetensors", ".json"):
            target.with_suffix(suffix).replace(other.with_suffix(suffix))
        target, other = other, target
    for suffix in (".safetensors", ".json"):
        other.with_suffix(suffix).unlink(missing_ok=True)
    _list_larger(places)
    return card, target


def store_small(card_path: Path, target: Path, sequence: Sequence) -> ModelCard:
    """Write weights again, in half precision where no test error grows by 1 % or more.

    The card has the errors measured with the weights as they are stored, and those of `PLAINEST`
    on the same test data where its own card cannot have them.

    Parameters
    ----------
    card_path : Path
        What to store.
    target : Path
        Where to, ending in ``.json``.
    sequence : Sequence
        That of the card.
    """
    trained, card = load_network(card_path, sequence)
    recipe = Recipe.model_validate(card.recipe)
    card = card.model_copy(update={"plainest_metrics": _plainest_metrics(card, recipe, sequence)})
    half = card.model_copy(update={"stored_type": "float16"})
    save_network(target, trained, half)
    stored, _ = load_network(target, sequence)
    test_data, rows = _tested(recipe, sequence, stored)
    if _cost(card, test_data, rows) < _TOLERATED_COST:
        return save_network(target, trained, half.model_copy(update={"metrics": rows}))
    return save_network(target, trained, card)


def _tested(
    recipe: Recipe, sequence: Sequence, trained: TrainedNetwork
) -> tuple[str, list[Metric]]:
    """Return the test data in words, and the metrics, as at the end of the training."""
    if isinstance(recipe.data, SIMULATED):
        return test(recipe, sequence, trained, _CPU)
    if isinstance(recipe.data, IMAGES):
        return metrics_on_phantoms(recipe, sequence, trained, _CPU, TEST_SIGMAS)
    raise MRFInputError(
        "bad-recipe", "weights trained on measured series are not distributed",
        expected="training on simulated fingerprints or images", found=recipe.data.kind,
    )  # fmt: skip


def _cost(card: ModelCard, test_data: str, rows: list[Metric]) -> float:
    """Return by what share the error that grows most has grown; infinite where it is no number."""
    if test_data != card.test_data or len(rows) != len(card.metrics):
        return float("inf")
    costs = [
        after.mean_absolute_error / before.mean_absolute_error - 1.0
        for before, after in zip(card.metrics, rows, strict=True)
    ]
    return max(costs) if all(cost == cost for cost in costs) else float("inf")


def _plainest_metrics(card: ModelCard, recipe: Recipe, sequence: Sequence) -> list[Metric]:
    """Return the metrics of `PLAINEST` on phantoms, on which its own card is not tested."""
    path = installed().get((PLAINEST, card.sequence_fingerprint))
    if not isinstance(recipe.data, IMAGES) or path is None:
        return []
    plainest, its_card = load_network(path, sequence)
    if [one.key for one in its_card.maps] != [one.key for one in card.maps]:
        return []
    beside = VoxelByVoxel(plainest, network_info(card.name).margin)
    test_data, rows = metrics_on_phantoms(recipe, sequence, beside, _CPU, TEST_SIGMAS)
    return rows if test_data == card.test_data else []


class VoxelByVoxel(TrainedNetwork):
    """A network of single fingerprints over an image, less a margin on each side.

    Parameters
    ----------
    trained : TrainedNetwork
        Of single fingerprints.
    margin : int
        Voxels left out, as by the valid convolutions of the network that it stands beside.
    """

    def __init__(self, trained: TrainedNetwork, margin: int) -> None:
        super().__init__(trained.network, trained.normalization)
        self.margin = margin

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return maps (N, M, H - 2 margin, W - 2 margin) of images (N, T, H, W)."""
        height, width = signals.shape[-2:]
        inner = signals[..., self.margin : height - self.margin, self.margin : width - self.margin]
        rows = inner.movedim(1, -1)
        maps: torch.Tensor = super().forward(rows.flatten(0, -2))
        return maps.reshape(*rows.shape[:-1], -1).movedim(-1, 1)


def _named_sequence(card: ModelCard) -> tuple[Sequence, str]:
    for short, make in sequences.NAMED.items():
        sequence = make()
        if sequence.fingerprint() == card.sequence_fingerprint:
            return sequence, short
    raise MRFInputError(
        "unknown-sequence", "only networks for a named sequence are distributed",
        expected=", ".join(sequences.NAMED), found=card.sequence_name,
    )  # fmt: skip


def _list_larger(places: Places) -> None:
    """Write what the larger distribution holds, for those who have not installed it."""
    names: dict[str, list[str]] = {}
    for path in sorted(places.larger.glob("*/*.json")):
        names.setdefault(path.parent.name, []).append(path.stem)
    text = json.dumps(names, indent=1) + "\n"
    (places.beside_the_code / LARGER).write_text(text, encoding="utf-8")
