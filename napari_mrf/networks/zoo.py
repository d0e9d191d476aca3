"""The registry: every network by name.

A new network is one file in `architectures`, a function that imports it and one line in `NETWORKS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

_INN = "Balsiger et al., MLMIR 2020"
_MEDIA = "Balsiger et al., MedIA 2020"
_BLOCHNET = "BlochNet"


@dataclass(frozen=True)
class NetworkInfo:
    """Description of a network, known before it is built.

    Parameters
    ----------
    name : str
        In the registry.
    title : str
        One line for a user.
    paper : str
        Where it is described.
    load : callable
        Imports the class of the network and returns it.
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
    looks_at_patches : bool
        Whether every estimate is computed from a patch of its own, so that nothing is computed
        twice where tiles overlap.
    """

    name: str
    title: str
    paper: str
    load: Callable[[], type[nn.Module]]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    kind: Literal["fingerprint", "image"] = "fingerprint"
    margin: int = 0
    reach: int = 0
    alignment: int = 1
    looks_at_patches: bool = False

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
        make = self.load()
        try:
            return make(n_frames, n_maps, **self.arguments)
        except ValueError as error:
            raise MRFInputError(
                "wrong-sequence",
                f"the network {self.name} cannot be built for this sequence: {error}",
                found=f"{n_frames} frames",
            ) from None


# Imported when one is built: torch is slow to load.
def _cohen() -> type[nn.Module]:
    from napari_mrf.networks.architectures.cohen import Cohen

    return Cohen


def _inn() -> type[nn.Module]:
    from napari_mrf.networks.architectures.inn import Inn

    return Inn


def _hoppe() -> type[nn.Module]:
    from napari_mrf.networks.architectures.hoppe import Hoppe

    return Hoppe


def _hoppe2017() -> type[nn.Module]:
    from napari_mrf.networks.architectures.hoppe2017 import Hoppe2017

    return Hoppe2017


def _oksuz() -> type[nn.Module]:
    from napari_mrf.networks.architectures.oksuz import Oksuz

    return Oksuz


def _song() -> type[nn.Module]:
    from napari_mrf.networks.architectures.song import Song

    return Song


def _balsiger2020() -> type[nn.Module]:
    from napari_mrf.networks.architectures.balsiger2020 import Balsiger2020

    return Balsiger2020


def _balsiger2018() -> type[nn.Module]:
    from napari_mrf.networks.architectures.balsiger2018 import Balsiger2018

    return Balsiger2018


def _fang() -> type[nn.Module]:
    from napari_mrf.networks.architectures.fang import Fang

    return Fang


def _rinq() -> type[nn.Module]:
    from napari_mrf.networks.architectures.rinq import Rinq

    return Rinq


def _fc() -> type[nn.Module]:
    from napari_mrf.networks.architectures.fc import Fc

    return Fc


def _rnn() -> type[nn.Module]:
    from napari_mrf.networks.architectures.rnn import Rnn

    return Rnn


def _fc_fc() -> type[nn.Module]:
    from napari_mrf.networks.architectures.fc_fc import FcFc

    return FcFc


def _rnn_rnn() -> type[nn.Module]:
    from napari_mrf.networks.architectures.rnn_rnn import RnnRnn

    return RnnRnn


def _blochnet() -> type[nn.Module]:
    from napari_mrf.networks.architectures.blochnet import BlochNet

    return BlochNet


def _subspacenet() -> type[nn.Module]:
    from napari_mrf.networks.architectures.subspacenet import SubspaceNet

    return SubspaceNet


NETWORKS: dict[str, NetworkInfo] = {
    info.name: info
    for info in (
        NetworkInfo("cohen", "two dense layers", "Cohen et al., MRM 2018", _cohen),
        NetworkInfo(
            "subspacenet",
            "subspace and neighbors, 13 x 13 voxels",
            "this package",
            _subspacenet,
            kind="image",
            margin=6,
            reach=6,
        ),
        NetworkInfo("inn", "invertible, both directions", _INN, _inn),
        NetworkInfo("inn-backward", "invertible, trained backward only", _INN, _inn),
        NetworkInfo("hoppe", "four convolutions in time", "Hoppe et al., MICCAI 2019", _hoppe),
        NetworkInfo("hoppe2017", "small, three convolutions in time", _MEDIA, _hoppe2017),
        NetworkInfo("oksuz", "recurrent over the frames", "Oksuz et al. 2019", _oksuz),
        NetworkInfo("song", "residual with attention (HYDRA)", "Song et al. 2019", _song),
        NetworkInfo(
            "balsiger2020",
            "spatiotemporal, 15 x 15 voxels",
            _MEDIA,
            _balsiger2020,
            kind="image",
            margin=7,
            reach=7,
        ),
        NetworkInfo(
            "balsiger2018",
            "spatiotemporal, 5 x 5 voxels",
            "Balsiger et al., MLMI 2018",
            _balsiger2018,
            kind="image",
            margin=2,
            reach=2,
        ),
        NetworkInfo(
            "fang",
            "features and U-Net, 54 x 54 voxels",
            "Fang et al. 2019",
            _fang,
            kind="image",
            reach=32,
            alignment=8,
        ),
        NetworkInfo(
            "rinq",
            "recurrent, median of 3 x 3 voxels",
            "Hoppe et al., MICCAI 2019",
            _rinq,
            kind="image",
            margin=1,
            reach=1,
            looks_at_patches=True,
        ),
        NetworkInfo(
            "rinq-1x1",
            "recurrent over segments",
            "Hoppe et al., MICCAI 2019",
            _rinq,
            {"patch": 1},
        ),
        NetworkInfo("fc", "three dense layers", _BLOCHNET, _fc),
        NetworkInfo("rnn", "recurrent encoder", _BLOCHNET, _rnn),
        NetworkInfo("fc-fc", "dense autoencoder", _BLOCHNET, _fc_fc),
        NetworkInfo("rnn-rnn", "recurrent autoencoder", _BLOCHNET, _rnn_rnn),
        NetworkInfo("blochnet", "dense encoder, physics decoder", _BLOCHNET, _blochnet),
    )
}
"""In the order in which they are offered."""


def network_info(name: str) -> NetworkInfo:
    """Return the description of a network.

    Raises
    ------
    MRFInputError
        ``"unknown-method"``.
    """
    if name not in NETWORKS:
        raise MRFInputError(
            "unknown-method",
            f"there is no network {name!r}",
            expected="one of " + ", ".join(NETWORKS),
        )
    return NETWORKS[name]
