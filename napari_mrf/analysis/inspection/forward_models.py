"""From tissue parameters to fingerprints: who predicts for which method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence


class ForwardModel(Protocol):
    """From tissue parameters to fingerprints."""

    def fingerprints(
        self, parameters: Mapping[str, NDArray[np.floating]]
    ) -> NDArray[np.complexfloating]:
        """Return (N, n_frames) complex for (N,) values of each parameter."""


FORWARD_MODELS: dict[str, Callable[[Sequence], ForwardModel]] = {}
"""Methods that bring their own forward pass, by the name in the provenance of their maps.

Every other method is predicted by the simulator.
"""
