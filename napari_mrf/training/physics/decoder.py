"""The signal model as the frozen decoder of `blochnet`: fingerprints of scaled maps."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.simulation import simulate, water_fat
from napari_mrf.training.data.batches import Kept
from napari_mrf.training.physics.spline_table import Axis, SplineTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.normalization import Normalization
    from napari_mrf.training.recipe import MapRange

    Model = Callable[[Mapping[str, Tensor]], Tensor]

# Of relaxation times in their logarithm, and of relative B1.
_CELLS_PER_NAT, _CELLS_PER_B1 = 8, 30


def physics_of(
    sequence: Sequence, maps: Mapping[str, MapRange], normalization: Normalization
) -> Callable[[Tensor], Tensor]:
    """Return the differentiable function from scaled maps (N, M) to fingerprints (N, 2, T).

    The fingerprints are canonical, as the measured ones that they are compared with, so that
    neither phase nor scale counts. Maps are kept within their ranges; beyond, the gradient is 0.

    The simulator itself takes tens of milliseconds a fingerprint with its gradient, a hundred times
    the rest of a step. So its answers over the ranges of the maps are tabulated once and
    interpolated by cubic splines, in every step and for 0.04 ms a fingerprint: for MRF T1-FF the
    envelopes over T1 and B1, for FISP the fingerprints over T1, T2 and, where it is a map, B1.
    The largest error is 2e-5 of the norm of a fingerprint; derivatives agree to 3e-3 with finite
    differences of the simulator (tests hold it to 3e-5 and 3e-3). For maps and sequences outside
    of this the simulator itself is called, slowly.

    Parameters
    ----------
    sequence : Sequence
        Of any kind.
    maps : mapping of str to MapRange
        Ranges by parameter key, in the order of the network's maps.
    normalization : Normalization
        That of the network.

    References
    ----------
    BlochNet, section 3.3: the decoder is the physics, and frozen.
    """
    model = _model(sequence, maps)
    keys = list(maps)

    def fingerprints(scaled: Tensor) -> Tensor:
        # Half precision is for the network, not for the physics.
        with torch.autocast(scaled.device.type, enabled=False):
            scaled = scaled if scaled.dtype == torch.float64 else scaled.float()
            values = normalization.values(scaled.clamp(0.0, 1.0))
            return normalization.canonical(model(dict(zip(keys, values.unbind(1), strict=True))))

    return fingerprints


def _model(sequence: Sequence, maps: Mapping[str, MapRange]) -> Model:
    make = _TABULATED.get(sequence.kind)
    model = None if make is None else make(sequence, maps)
    if model is not None:
        return model

    def simulated(values: Mapping[str, Tensor]) -> Tensor:
        signals: Tensor = simulate(sequence, values)
        return signals

    return simulated


class _WaterFat:
    """(1 - FF) water + FF fat, with the envelopes of both from one table."""

    def __init__(self, sequence: Sequence, maps: Mapping[str, MapRange]) -> None:
        times = [maps[key] for key in ("T1H2O", "T1fat")]
        b1 = maps.get("B1")

        def envelopes(points: NDArray[np.float64]) -> NDArray[np.float64]:
            log_t1, b1 = torch.from_numpy(points).unbind(1)
            return water_fat.envelopes(sequence, log_t1.exp(), b1).numpy()

        self._table = SplineTable(
            [
                _logarithmic(min(one.lower for one in times), max(one.upper for one in times)),
                _linear(*((b1.lower, b1.upper) if b1 else (0.9, 1.1))),
            ],
            envelopes,
        )
        # Kept where they are used: a step that is recorded must not fetch anything.
        self._frames = Kept(
            *(
                torch.from_numpy(water_fat.frame_weights(sequence, species))
                for species in ("water", "fat")
            ),
            torch.from_numpy(sequence.per_frame(sequence.echo_times_ms)[:, 0] / 1000.0),
        )

    def __call__(self, values: Mapping[str, Tensor]) -> Tensor:
        FF = values["FF"][:, None]
        b1 = values.get("B1", torch.ones_like(values["FF"]))
        water, fat, echo_times_s = self._frames.on(FF.device)
        signal = torch.zeros((), device=FF.device)
        for weights, key, share in ((water, "T1H2O", 1.0 - FF), (fat, "T1fat", FF)):
            envelope = self._table(torch.stack([values[key].log(), b1], dim=1))
            signal = signal + share * envelope * weights.to(FF.dtype.to_complex())
        if "Df" not in values:
            return signal
        angle = -2.0 * torch.pi * values["Df"][:, None] * echo_times_s.to(FF)
        return signal * torch.complex(angle.cos(), angle.sin())


class _Fisp:
    """Fingerprints from one table."""

    def __init__(self, sequence: Sequence, maps: Mapping[str, MapRange]) -> None:
        self._keys = [key for key in ("T1", "T2", "B1") if key in maps]

        def signals(points: NDArray[np.float64]) -> NDArray[np.float64]:
            times = np.exp(points[:, :2])
            tissue = {"T1": times[:, 0], "T2": times[:, 1]}
            if "B1" in maps:
                tissue["B1"] = points[:, 2]
            simulated = simulate(sequence, tissue, dtype="complex128")
            return np.concatenate([simulated.real, simulated.imag], axis=1)

        self._table = SplineTable(
            [
                (_linear if key == "B1" else _logarithmic)(maps[key].lower, maps[key].upper)
                for key in self._keys
            ],
            signals,
        )

    def __call__(self, values: Mapping[str, Tensor]) -> Tensor:
        columns = [values[key] if key == "B1" else values[key].log() for key in self._keys]
        real, imaginary = self._table(torch.stack(columns, dim=1)).chunk(2, dim=1)
        return torch.complex(real, imaginary)


def _logarithmic(lower: float, upper: float) -> Axis:
    low, high = float(np.log(lower)), float(np.log(upper))
    return Axis(low, high, ceil(_CELLS_PER_NAT * (high - low)))


def _linear(lower: float, upper: float) -> Axis:
    return Axis(lower, upper, ceil(_CELLS_PER_B1 * (upper - lower)))


def _water_fat(sequence: Sequence, maps: Mapping[str, MapRange]) -> Model | None:
    return None if water_fat.echo_segments(sequence) is None else _WaterFat(sequence, maps)


def _fisp(sequence: Sequence, maps: Mapping[str, MapRange]) -> Model | None:
    return _Fisp(sequence, maps) if set(maps) <= {"T1", "T2", "B1"} else None


_TABULATED: dict[str, Callable[[Sequence, Mapping[str, MapRange]], Model | None]] = {
    "spoiled": _water_fat,
    "fisp": _fisp,
    "fisp-b1": _fisp,
}
"""Kinds of sequence whose signals are tabulated; None where a table does not suit."""
