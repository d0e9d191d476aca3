"""Refinement of MRF T1-FF: fat fraction, T1 of water and fat, off-resonance, B1.

Each signal model has a module of its own and a line in `choice.REFINEMENTS`.

Apart, since a signal model brings its refinement as one file and one line in
`choice.REFINEMENTS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from napari_mrf.matching.refinement.prior import KEYS, range_prior
from napari_mrf.matching.refinement.refinement import Refinement, SignalTables
from napari_mrf.matching.tables.envelope import B1_RANGE, T1_RANGE_MS, EnvelopeTable
from napari_mrf.matching.water_fat.factors import segment_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.reconstruction.conditioning import Conditioning

_DF_LIMIT_HZ = 500.0


class WaterFatRefinement(Refinement):
    """See `Refinement`; the sequence must factorize into echo-time segments."""

    keys: ClassVar[tuple[str, ...]] = KEYS
    b1_range = B1_RANGE

    def _make_tables(self, conditioning: Conditioning) -> SignalTables:
        # Adds the signal model to the kernel.
        from napari_mrf.matching.refinement import water_fat_refine_kernel  # noqa: F401

        echo_times_ms, segment, water, fat = segment_weights(self._sequence, conditioning)
        self._envelopes = made = EnvelopeTable.build(self._sequence, segment, conditioning)
        self._weights = (water, fat, echo_times_ms / 1000.0)
        self._segment = segment
        t1, b1, scales = T1_RANGE_MS, B1_RANGE, range_prior().deviation
        return SignalTables(
            model=(made.table.coefficients, made.table.grid, made.segment_of_vector,
                   *self._weights),
            basis=made.table.basis,
            phase=1.0 + 0.0j,
            lower=np.array([0.0, t1[0], t1[0], -_DF_LIMIT_HZ, b1[0]]),
            upper=np.array([1.0, t1[1], t1[1], _DF_LIMIT_HZ, b1[1]]),
            scales=np.array([scales[key] for key in KEYS]),
            groups=segment,
            signs=np.ones(segment.size),
        )  # fmt: skip

    def _signals(self, values: dict[str, NDArray[np.float64]]) -> NDArray[np.complex128]:
        water, fat, echo_times_s = self._weights
        phases = np.exp(-2j * np.pi * np.outer(values["Df"], echo_times_s))
        fraction, b1 = values["FF"][:, None], values["B1"]
        in_water = self._envelopes.envelopes(values["T1H2O"], b1) * water[self._segment]
        in_fat = self._envelopes.envelopes(values["T1fat"], b1) * fat[self._segment]
        mixture = (1 - fraction) * in_water + fraction * in_fat
        return np.asarray(phases[:, self._segment] * mixture)
