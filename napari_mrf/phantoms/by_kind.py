"""The phantom of each kind of sequence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_mrf.data.signal_kinds import ByKind
from napari_mrf.phantoms.brain.phantom import brain
from napari_mrf.phantoms.thigh.phantom import thigh

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.phantoms.phantom import Phantom

PHANTOMS: ByKind[Callable[..., Phantom]] = ByKind(
    "phantom",
    {
        "spoiled": thigh,
        "fisp": brain,
        "fisp-b1": partial(brain, b1=True),
    },
)
"""Called with the shape (Z, Y, X), and ``seed`` by name."""
