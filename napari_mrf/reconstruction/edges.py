"""Flags of values that lie on the edge of what a method can give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.maps import FLAGS, FlagBits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True)
class EdgeWords:
    """How a warning speaks of edges.

    Parameters
    ----------
    edge : str
        What values lie on, such as "the edge of its grid".
    reasons : str
        Why they may.
    cure : str
        What to do, as a sentence.
    """

    edge: str = "the edge of its grid"
    reasons: str = "the true values may lie outside (a wider grid helps), or the noise is high"
    cure: str = "Flags tell where."


def edge_flags(
    on_edge: Mapping[str, NDArray[np.bool_]], values: Mapping[str, NDArray[np.floating]]
) -> NDArray[np.uint16]:
    """Return the flags (N,) of voxels that lie on edges.

    What a value cannot exceed by nature is no edge: a fat fraction of 0 or 1. Without water (or
    fat) its T1 is free, and lies on no edge.

    Parameters
    ----------
    on_edge : mapping of str to ndarray
        (N,) whether the value is the first or the last that the method can give, by key.
    values : mapping of str to ndarray
        (N,) by key; FF decides where it is among them.
    """
    flags = np.zeros(len(next(iter(values.values()))), FlagBits)
    meant = {}
    if "FF" in values:
        water, fat = values["FF"] < 1, values["FF"] > 0
        meant = {"T1H2O": water, "T1fat": fat, "FF": water & fat}
    for key, where in on_edge.items():
        flags[where & meant.get(key, True)] |= FLAGS[f"{key}-edge"]
    return flags
