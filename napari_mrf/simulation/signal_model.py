"""The interface of a signal model: from tissue to fingerprints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence


class SignalModel(ABC):
    """Signal of tissue under one kind of sequence."""

    has_states = False
    """Whether the number of configuration orders can be chosen."""

    is_compiled_off_resonance = False
    """Whether `compiled` takes the off-resonance of tissues too."""

    is_differentiated_by_steps = False
    """Whether steps of `compiled` give derivatives sooner than torch does."""

    @abstractmethod
    def fingerprints(
        self, sequence: Sequence, tissue: Mapping[str, Tensor], n_states: int | None
    ) -> Tensor:
        """Return fingerprints (N, n_frames) of unit size, differentiable.

        Parameters
        ----------
        sequence : Sequence
            Of the kind.
        tissue : mapping of str to Tensor
            (N,) checked values by key, of one real dtype and device: those that the kind
            requires, and any of those that it can assume.
        n_states : int or None
            Orders that are kept, where `has_states`.
        """

    def is_compiled(self, sequence: Sequence) -> bool:
        """Return whether `compiled` takes tissues, on the CPU, under a sequence."""
        return False

    def compiled(
        self, sequence: Sequence, tissue: Mapping[str, Tensor], n_states: int | None
    ) -> NDArray[np.complexfloating]:
        """Return what `fingerprints` does, faster and without derivatives; see `is_compiled`."""
        raise NotImplementedError
