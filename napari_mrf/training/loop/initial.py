"""Fine-tuning: beginning with weights that were trained before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.networks.card import InitialWeights
from napari_mrf.networks.weights import find_card, load_network

if TYPE_CHECKING:
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.card import MapScale, ModelCard
    from napari_mrf.networks.trained import TrainedNetwork
    from napari_mrf.training.recipe import MapRange, Recipe


def load_start(init: str, recipe: Recipe, sequence: Sequence) -> tuple[TrainedNetwork, ModelCard]:
    """Read the weights that a recipe begins with.

    Parameters
    ----------
    init : str
        The name of an installed network, or the path of a card, relative to the recipe's folder.
    recipe : Recipe
        The network and the maps that are wanted.
    sequence : Sequence
        That of the recipe.

    Returns
    -------
    tuple
        The network, with the normalization that it keeps, and its card.

    Raises
    ------
    MRFInputError
        ``"missing-weights"``, ``"wrong-sequence"``, ``"bad-init"`` for another network or other
        maps, and what `load_network` raises.
    """
    trained, card = load_network(find_card(init, sequence, recipe.folder), sequence)
    if card.name != recipe.network:
        raise _bad("the initial weights are those of another network", recipe.network, card.name)
    scales = {one.key: one for one in card.maps}
    if list(scales) != list(recipe.maps):
        raise _bad("the initial weights give other maps", ", ".join(recipe.maps), ", ".join(scales))
    for key, wanted in recipe.maps.items():
        if not _within(wanted, scales[key]):
            raise _bad(
                f"the initial weights do not cover the range of {key} in the recipe",
                _words(wanted), _words(scales[key]),
            )  # fmt: skip
    return trained, card


def initial_weights(card: ModelCard | None) -> InitialWeights | None:
    """Return what a card says of the weights that its training began with."""
    if card is None:
        return None
    return InitialWeights(name=card.name, weights_sha256=card.weights_sha256)


def _within(wanted: MapRange, scale: MapScale) -> bool:
    return (
        scale.lower <= wanted.lower
        and wanted.upper <= scale.upper
        and scale.logarithmic == wanted.logarithmic
    )


def _words(one: MapRange | MapScale) -> str:
    return f"{one.lower:g} to {one.upper:g}{', logarithmic' if one.logarithmic else ''}"


def _bad(what: str, expected: str, found: str) -> MRFInputError:
    return MRFInputError("bad-init", what, expected=expected, found=found)
