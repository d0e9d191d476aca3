"""Signal models: fingerprints from tissue parameters, and the Bloch oracle they are held to.

`simulate` is the public function; `water_fat` and `epg` hold the two models, differentiable in
torch; `epg_kernel` is the compiled CPU form of the latter; `bloch` the slow independent oracle;
`crlb` bounds what can be estimated from a fingerprint.
"""

from __future__ import annotations

from napari_mrf.simulation.cramer_rao import crlb
from napari_mrf.simulation.simulator import simulate

__all__ = ["crlb", "simulate"]
