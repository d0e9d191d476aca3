"""Every network by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

_INN = "Balsiger et al., MLMIR 2020"
_MEDIA = "Balsiger et al., MedIA 2020"
_BLOCHNET = "BlochNet"


@dataclass(frozen=True)
class NetworkInfo:
    """What is known of a network before it is built.

    Parameters
    ----------
    name : str
        In the registry.
    title : str
        One line for a user.
    paper : str
        Where it is described.
    home : str
        ``"module:Class"`` in this package.
    arguments : mapping
        Keywords of the class.
    kind : {"fingerprint", "image"}
        Whether a voxel is estimated from its own fingerprint, or from its neighbors too.
    margin : int
        Voxels that an image loses on each side.
    reach : int
        Voxels on each side that may influence an estimate.
    alignment : int
        Tiles of an image must begin at multiples of this many voxels.
    """

    name: str
    title: str
    paper: str
    home: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    kind: Literal["fingerprint", "image"] = "fingerprint"
    margin: int = 0
    reach: int = 0
    alignment: int = 1

    def build(self, n_frames: int, n_maps: int) -> nn.Module:
        """Return the network with random weights.

        Parameters
        ----------
        n_frames : int
            T.
        n_maps : int
            M.

        Raises
        ------
        MRFInputError
            ``"wrong-sequence"`` with fewer frames than the architecture needs.
        """
        module, name = self.home.split(":")
        make = getattr(import_module(f"napari_mrf.networks.architectures.{module}"), name)
        try:
            network: nn.Module = make(n_frames, n_maps, **self.arguments)
        except ValueError as error:
            raise MRFInputError(
                "wrong-sequence",
                f"{self.name} cannot be built for this sequence: {error}",
                found=f"{n_frames} frames",
            ) from None
        return network


NETWORKS: dict[str, NetworkInfo] = {
    info.name: info
    for info in (
        NetworkInfo("cohen", "two dense layers", "Cohen et al., MRM 2018", "cohen:Cohen"),
        NetworkInfo("inn", "invertible, both directions", _INN, "inn:Inn"),
        NetworkInfo("inn-backward", "invertible, trained backward only", _INN, "inn:Inn"),
        NetworkInfo(
            "hoppe", "four convolutions in time", "Hoppe et al., MICCAI 2019", "hoppe:Hoppe"
        ),
        NetworkInfo(
            "hoppe2017", "small, three convolutions in time", _MEDIA, "hoppe2017:Hoppe2017"
        ),
        NetworkInfo("oksuz", "recurrent over the frames", "Oksuz et al. 2019", "oksuz:Oksuz"),
        NetworkInfo("song", "residual with attention (HYDRA)", "Song et al. 2019", "song:Song"),
        NetworkInfo(
            "balsiger2020",
            "spatiotemporal, 15 x 15 voxels",
            _MEDIA,
            "balsiger2020:Balsiger2020",
            kind="image",
            margin=7,
            reach=7,
        ),
        NetworkInfo(
            "balsiger2018",
            "spatiotemporal, 5 x 5 voxels",
            "Balsiger et al., MLMI 2018",
            "balsiger2018:Balsiger2018",
            kind="image",
            margin=2,
            reach=2,
        ),
        NetworkInfo(
            "fang",
            "features and U-Net, 54 x 54 voxels",
            "Fang et al. 2019",
            "fang:Fang",
            kind="image",
            reach=32,
            alignment=8,
        ),
        NetworkInfo(
            "rinq",
            "recurrent, median of 3 x 3 voxels",
            "Hoppe et al., MICCAI 2019",
            "rinq:Rinq",
            kind="image",
            margin=1,
            reach=1,
        ),
        NetworkInfo(
            "rinq-1x1",
            "recurrent over segments",
            "Hoppe et al., MICCAI 2019",
            "rinq:Rinq",
            {"patch": 1},
        ),
        NetworkInfo("fc", "three dense layers", _BLOCHNET, "fc:Fc"),
        NetworkInfo("rnn", "recurrent encoder", _BLOCHNET, "rnn:Rnn"),
        NetworkInfo("fc-fc", "dense autoencoder", _BLOCHNET, "fc_fc:FcFc"),
        NetworkInfo("rnn-rnn", "recurrent autoencoder", _BLOCHNET, "rnn_rnn:RnnRnn"),
        NetworkInfo("blochnet", "dense encoder, physics decoder", _BLOCHNET, "blochnet:BlochNet"),
    )
}
"""In the order in which they are offered."""


def network_info(name: str) -> NetworkInfo:
    """Return what is known of a network.

    Raises
    ------
    MRFInputError
        ``"unknown-method"``.
    """
    if name not in NETWORKS:
        raise MRFInputError(
            "unknown-method", f"there is no network {name!r}", expected=", ".join(NETWORKS)
        )
    return NETWORKS[name]
