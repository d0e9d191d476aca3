"""Which polygons belonged to which state of a label map, so that undo brings back both."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.rois.polygons import Outline

_STATES = 200  # napari's own undo goes back 100 steps


class RegionsJournal:
    """Remembers polygons by what the label map looks like.

    The label map is undone by its layer, by whatever key, menu or script. Whenever it looks as
    it did before, the polygons of then are the right ones.
    """

    def __init__(self) -> None:
        self._outlines: OrderedDict[bytes, tuple[Outline, ...]] = OrderedDict()

    def remember(self, labels: NDArray[np.uint16], outlines: Sequence[Outline]) -> None:
        """Note the polygons that belong to a label map (Z, Y, X)."""
        key = digest(labels)
        self._outlines[key] = tuple(outlines)
        self._outlines.move_to_end(key)
        while len(self._outlines) > _STATES:
            self._outlines.popitem(last=False)

    def recall(self, labels: NDArray[np.uint16]) -> tuple[Outline, ...] | None:
        """Return the polygons that belonged to a label map, None for one not seen before."""
        return self._outlines.get(digest(labels))


def digest(labels: NDArray[np.uint16]) -> bytes:
    """Return what tells label maps of one shape apart."""
    return hashlib.blake2b(labels.tobytes(), digest_size=16).digest()
