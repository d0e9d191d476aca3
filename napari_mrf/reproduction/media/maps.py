"""The maps that every method makes of the measured thighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mrf import methods
from napari_mrf.data import sequences
from napari_mrf.networks.image_method import ImageNetworkMethod
from napari_mrf.networks.method import NetworkMethod
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.reproduction.found_networks import StoredNetwork, found_networks
from napari_mrf.reproduction.media.subjects import Subject, subjects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.reconstruction.method import Method
    from napari_mrf.reproduction.experiment import Settings

MATCHING = "water-fat"
"""The matcher that stands for the dictionary matching of the paper."""


@dataclass(frozen=True)
class ImageMethods:
    """Matching and the networks that are there.

    Parameters
    ----------
    methods : dict of str to Method
        By name; where a network has several weights, with its training behind the name.
    networks : list of StoredNetwork
        In the same order as their methods.
    missing : list of str
        Networks without weights.
    """

    methods: dict[str, Method]
    networks: list[StoredNetwork]
    missing: list[str]


def image_methods(names: Iterable[str], settings: Settings) -> ImageMethods:
    """Return matching and the named networks, as far as they are there."""
    sequence = sequences.t1ff()
    found, missing = found_networks(names, sequence, [settings.weights])
    named = {
        MATCHING: methods.get(MATCHING, sequence=sequence, device=settings.device, refine=True)
    }
    for network in found:
        alone = sum(one.name == network.name for one in found) == 1
        label = network.name if alone else f"{network.name} ({network.training})"
        named[label] = _method(network, settings)
    return ImageMethods(named, found, missing)


def reconstructed(
    chosen: ImageMethods, settings: Settings, whom: Iterable[Subject] | None = None
) -> Iterator[tuple[Subject, dict[str, ParameterMaps]]]:
    """Yield every subject with its maps by the name of the method; `subjects` by default."""
    for subject in subjects(settings) if whom is None else whom:
        maps = {}
        for name, method in chosen.methods.items():
            for update in method.iter_reconstruct(subject.series, subject.mask):
                settings.progress(f"{subject.name}, {name}", update.done, update.total)
            maps[name] = update.maps
        yield subject, maps


def _method(network: StoredNetwork, settings: Settings) -> Method:
    adapter = ImageNetworkMethod if NETWORKS[network.name].kind == "image" else NetworkMethod
    return adapter(sequences.t1ff(), card_path=network.path, device=settings.device)
