"""Random people to measure, with wider ranges of tissue and fields than the phantoms have."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.phantoms.brain.phantom import brain
from napari_mrf.phantoms.random.water_fat import LIMITS
from napari_mrf.phantoms.thigh.phantom import thigh

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.phantoms.phantom import Phantom

_THIGH_FIELD_OF_VIEW_MM = 190.0
_HEAD_SPREAD = 0.15


def random_thigh(rng: np.random.Generator, matrix: int) -> Phantom:
    """Draw a slice through the thigh of a random patient.

    Besides anatomy, side, fatty infiltration and edema, each patient has water and fat T1
    scaled by factors of 0.7-1.5 and 0.65-1.35, a B1 scaled by 0.7-1.25 and an off-resonance
    scaled by 0.5-1.5 and moved by up to 40 Hz: a network must read these from the signal, and
    not know them from the people it was trained on.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws everything.
    matrix : int
        Voxels along either edge of the field of view of 190 mm.
    """
    person = thigh(
        (1, matrix, matrix),
        seed=int(rng.integers(2**31)),
        side=str(rng.choice(["right", "left"])),
        voxel_size_mm=_THIGH_FIELD_OF_VIEW_MM / matrix,
        infiltrated_fraction=float(rng.uniform(0.1, 0.9)),
        oedema_fraction=float(rng.uniform(0.0, 0.5)),
    )
    changed = {
        "T1H2O": person.maps["T1H2O"] * np.exp(rng.uniform(np.log(0.7), np.log(1.5))),
        "T1fat": person.maps["T1fat"] * rng.uniform(0.65, 1.35),
        "Df": person.maps["Df"] * rng.uniform(0.5, 1.5) + rng.uniform(-40.0, 40.0),
        "B1": person.maps["B1"] * rng.uniform(0.7, 1.25),
    }
    limited = {
        key: np.clip(values, *LIMITS[key]).astype(np.float32) for key, values in changed.items()
    }
    return replace(person, maps={**person.maps, **limited})


def random_head(rng: np.random.Generator, matrix: int, *, b1: bool = False) -> Phantom:
    """Draw a slice through the head of a random person.

    With up to eight lesions, and tissues whose T1 differs between people by a standard
    deviation of 15 %, T2 by 20 %: several times what healthy people have.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws everything.
    matrix : int
        Voxels along either edge of the field of view of 230 mm.
    b1 : bool
        Whether relative B1 is among the maps.
    """
    return brain(
        (1, matrix, matrix),
        seed=int(rng.integers(2**31)),
        n_lesions=int(rng.integers(9)),
        spread=_HEAD_SPREAD,
        b1=b1,
    )


SUBJECTS: dict[str, Callable[[np.random.Generator, int], Phantom]] = {
    "spoiled": random_thigh,
    "fisp": random_head,
    "fisp-b1": partial(random_head, b1=True),
}
"""The phantom that each kind of sequence measures."""


def random_subject(sequence_kind: str, rng: np.random.Generator, matrix: int) -> Phantom:
    """Draw a person that sequences of a kind measure.

    Raises
    ------
    MRFInputError
        ``"bad-recipe"`` when there is no phantom for the kind.
    """
    if sequence_kind not in SUBJECTS:
        raise MRFInputError(
            "bad-recipe", "there is no phantom for this kind of sequence",
            expected=f"a sequence of kind {' or '.join(SUBJECTS)}", found=sequence_kind,
        )  # fmt: skip
    return SUBJECTS[sequence_kind](rng, matrix)
