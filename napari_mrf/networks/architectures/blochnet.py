"""Dense encoder whose decoder is the signal model itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.networks.architectures.fc import Fc

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class BlochNet(Fc):
    """`Fc` trained with the fingerprint that the physics gives for its maps.

    BlochNet, section 3: the error of the maps and the error of the simulated fingerprint add up;
    the decoder is frozen. It is this package's simulator (configuration states for FISP; the
    water-fat model for MRF T1-FF, which is new), tabulated and differentiable
    (`napari_mrf.training.physics.decoder`), and is handed in, so that the weights hold the
    encoder alone.

    Parameters
    ----------
    n_frames : int
        T.
    n_maps : int
        M.
    physics : callable, optional
        Gives fingerprints (N, 2, T) of scaled maps (N, M), differentiably; needed for training.
    """

    def __init__(
        self, n_frames: int, n_maps: int, *, physics: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__(n_frames, n_maps)
        self.physics = physics

    def simulate(self, maps: Tensor) -> Tensor:
        """Return fingerprints (N, 2, T) of scaled maps (N, M).

        Raises
        ------
        RuntimeError
            Without physics.
        """
        if self.physics is None:
            raise RuntimeError(
                "the signal model of blochnet is not set: assign `physics` before simulating"
            )
        return self.physics(maps)
