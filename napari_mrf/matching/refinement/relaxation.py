"""Refinement where all signals are real up to a phase: FISP, with proton density.

Each signal model has a module of its own and a line in `choice.REFINEMENTS`.

Apart, since a signal model brings its refinement as one file and one line in
`choice.REFINEMENTS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from napari_mrf.matching.refinement.refinement import Refinement, SignalTables
from napari_mrf.matching.tables.relaxation import (
    RELAXATION,
    RELAXATION_AND_B1,
    RelaxationTable,
    TissueAxis,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.reconstruction.conditioning import Conditioning


class TableRefinement(Refinement):
    """See `Refinement`; signals are read from one table over all tissue parameters.

    A kind of sequence is refined by a subclass that names the axes of its table. The RF phases
    of the sequence must agree up to 180 deg.
    """

    axes: ClassVar[tuple[TissueAxis, ...]]
    """The tissue parameters, up to three."""

    def _make_tables(self, conditioning: Conditioning) -> SignalTables:
        # Adds the signal model to the kernel.
        from napari_mrf.matching.refinement import relaxation_kernel  # noqa: F401

        self._table = made = RelaxationTable.build(self._sequence, conditioning, self.axes)
        sequence, kept = self._sequence, conditioning.kept_frames(self._sequence)
        echo_times_ms = sequence.per_frame(sequence.echo_times_ms)[kept, 0]
        phases_deg = sequence.per_frame(sequence.rf_phases_deg)[kept, 0]
        rank = made.table.basis.shape[1]
        return SignalTables(
            model=(
                np.ascontiguousarray(made.table.coefficients.reshape(-1, rank)),
                np.array(made.table.coefficients.shape[:-1]),
                made.table.grid,
                np.array([axis.is_logarithmic for axis in self.axes]),
            ),
            basis=made.table.basis,
            phase=made.phase,
            lower=np.array([axis.low for axis in self.axes]),
            upper=np.array([axis.high for axis in self.axes]),
            scales=np.array([axis.scale for axis in self.axes]),
            groups=np.unique(echo_times_ms, return_inverse=True)[1].astype(np.int64),
            signs=np.cos(np.deg2rad(phases_deg - sequence.rf_phases_deg[0])).round(),
        )

    def _signals(self, values: dict[str, NDArray[np.float64]]) -> NDArray[np.complex128]:
        return self._table.signals(*(values[key] for key in self.keys))


class RelaxationRefinement(TableRefinement):
    """T1 and T2."""

    keys = ("T1", "T2")
    axes = RELAXATION


class RelaxationB1Refinement(TableRefinement):
    """T1, T2 and B1."""

    keys = ("T1", "T2", "B1")
    axes = RELAXATION_AND_B1
    b1_range = (RELAXATION_AND_B1[2].low, RELAXATION_AND_B1[2].high)
