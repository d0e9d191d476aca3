"""Autoencoder of dense layers, a baseline of BlochNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from napari_mrf.networks.architectures.fc import WIDTHS, Fc, dense

if TYPE_CHECKING:
    from torch import Tensor


class FcFc(Fc):
    """`Fc` with a learned decoder of mirrored widths, trained with it.

    Baseline "FC-FC" of BlochNet, section 4.2: the error of the maps and the error of the
    decoded fingerprint add up. Reconstruction uses the encoder alone.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    """

    def __init__(self, n_frames: int, n_maps: int) -> None:
        super().__init__(n_frames, n_maps)
        self.decoder = nn.Sequential(
            *dense((n_maps, *WIDTHS[::-1], 2 * n_frames)), nn.Unflatten(1, (2, n_frames))
        )

    def simulate(self, maps: Tensor) -> Tensor:
        """Return fingerprints (N, 2, T) of scaled maps (N, M)."""
        fingerprints: Tensor = self.decoder(maps)
        return fingerprints
