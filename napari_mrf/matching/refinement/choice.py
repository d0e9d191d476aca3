"""The registry of refinements: which one suits a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.matching.refinement.relaxation import (
    RelaxationB1Refinement,
    RelaxationRefinement,
)
from napari_mrf.matching.refinement.water_fat import WaterFatRefinement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.matching.refinement.refinement import Refinement
    from napari_mrf.reconstruction.conditioning import Conditioning


REFINEMENTS: dict[str, type[Refinement]] = {
    "spoiled": WaterFatRefinement,
    "fisp": RelaxationRefinement,
    "fisp-b1": RelaxationB1Refinement,
}
"""The refinement of each kind that has one."""


def make_refinement(
    sequence: Sequence, conditioning: Conditioning, axes: Iterable[str]
) -> Refinement:
    """Return the refinement for a sequence and a dictionary.

    Parameters
    ----------
    sequence : Sequence
        That of the series.
    conditioning : Conditioning
        Frames used and averaging in time.
    axes : iterable of str
        Parameters that the grid answers hold, apart from PD.

    Raises
    ------
    ImportError, ValueError
        Where it does not apply.
    """
    if sequence.kind not in REFINEMENTS:
        raise ValueError(f"there is no refinement for sequences of kind {sequence.kind}")
    made = REFINEMENTS[sequence.kind](sequence, conditioning)
    if set(axes) != set(made.keys):
        raise ValueError(
            f"refinement works on {', '.join(made.keys)}, the dictionary on {', '.join(axes)}"
        )
    return made
