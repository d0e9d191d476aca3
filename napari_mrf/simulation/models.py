"""The signal model of every kind of sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.data.signal_kinds import ByKind
from napari_mrf.simulation.epg import ExtendedPhaseGraph
from napari_mrf.simulation.water_fat import WaterFat

if TYPE_CHECKING:
    from napari_mrf.simulation.signal_model import SignalModel

MODELS: ByKind[SignalModel] = ByKind(
    "signal model",
    {
        "spoiled": WaterFat(),
        "fisp": ExtendedPhaseGraph(),
        "fisp-b1": ExtendedPhaseGraph(),
    },
)
