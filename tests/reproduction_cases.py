"""Small networks for the tests of the experiments."""

import torch

from napari_mrf.data import sequences
from napari_mrf.networks.card import MapScale
from napari_mrf.networks.weights import installed, load_network, save_network
from napari_mrf.networks.zoo import network_info
from napari_mrf.training.recipe import Recipe


def save_untrained(folder, *names, sigma=0.003, seed=0):
    """Write networks with random weights for MRF T1-FF; return their folder."""
    sequence = sequences.t1ff()
    cohen, card = load_network(installed()["cohen", sequence.fingerprint()])
    recipe = {**card.recipe, "noise": {"sigma_lower": sigma, "sigma_upper": sigma}}
    for name in names:
        torch.manual_seed(seed)
        cohen.network = network_info(name).build(sequence.n_frames, len(card.maps))
        Recipe.model_validate({**recipe, "network": name})
        save_network(
            folder / f"{name}.json",
            cohen,
            card.model_copy(
                update={
                    "name": name,
                    "recipe": {**recipe, "network": name},
                    "maps": [MapScale.model_validate(one.model_dump()) for one in card.maps],
                    "n_parameters": sum(one.numel() for one in cohen.network.parameters()),
                }
            ),
        )
    return folder
