"""Refinement of FISP: T1, T2 and proton density."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from napari_mrf.dictionary.refinement import Refinement
from napari_mrf.dictionary.relaxation_table import T1_RANGE_MS, T2_RANGE_MS, RelaxationTable
from napari_mrf.dictionary.signal_tables import SignalTables
from napari_mrf.simulation import epg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.conditioning import Conditioning

# Of tissue: steps of a ten-thousandth of these matter to nobody.
_T1_SCALE_MS, _T2_SCALE_MS = 300.0, 30.0


class RelaxationRefinement(Refinement):
    """See `Refinement`; the RF phases of the sequence must agree up to 180 deg."""

    keys: ClassVar[tuple[str, ...]] = ("T1", "T2")

    def _make_tables(self, conditioning: Conditioning) -> SignalTables:
        # Adds the signal model to the kernel.
        from napari_mrf.dictionary import relaxation_kernel  # noqa: F401

        self._table = made = RelaxationTable.build(self._sequence, conditioning)
        kept = conditioning.kept_frames(self._sequence)
        echo_times_ms = self._sequence.per_frame(self._sequence.echo_times_ms)[kept, 0]
        factors = self._sequence.per_frame(epg.frame_factors(self._sequence))[kept, 0]
        (t1_low, t1_high), (t2_low, t2_high) = T1_RANGE_MS, T2_RANGE_MS
        return SignalTables(
            model=(made.table.coefficients, made.table.grid),
            basis=made.table.basis,
            phase=made.phase,
            lower=np.array([t1_low, t2_low]),
            upper=np.array([t1_high, t2_high]),
            scales=np.array([_T1_SCALE_MS, _T2_SCALE_MS]),
            groups=np.unique(echo_times_ms, return_inverse=True)[1].astype(np.int64),
            signs=(factors / made.phase).real.round(),
        )

    def _signals(self, values: dict[str, NDArray[np.float64]]) -> NDArray[np.complex128]:
        return self._table.signals(values["T1"], values["T2"])
