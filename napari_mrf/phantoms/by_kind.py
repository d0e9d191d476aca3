"""The phantom and the random subject of each kind of sequence."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_mrf.data.signal_kinds import ByKind
from napari_mrf.phantoms.brain.phantom import brain
from napari_mrf.phantoms.random import relaxation, water_fat
from napari_mrf.phantoms.thigh.phantom import thigh

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

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

RANDOM_SUBJECTS: ByKind[Callable[..., Phantom]] = ByKind(
    "random subject",
    {
        "spoiled": water_fat.random_water_fat,
        "fisp": relaxation.random_relaxation,
        "fisp-b1": partial(relaxation.random_relaxation, b1=True),
    },
)
"""Called with the shape (Y, X), and ``seed``, ``index`` and ``white_texture`` by name."""

ROUGHENED: ByKind[Callable[[Phantom, np.random.Generator], Phantom]] = ByKind(
    "white texture",
    {
        "spoiled": water_fat.roughened,
        "fisp": relaxation.roughened,
        "fisp-b1": relaxation.roughened,
    },
)
"""Gives a phantom the white texture of random subjects."""
