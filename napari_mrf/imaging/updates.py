"""Progress of images that are made, and coils made alike: the beginning of all ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.kspace.whitening import compression, least_power, mixed, whitening

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.raw.raw_data import RawData


@dataclass(frozen=True, eq=False)
class ImagesUpdate:
    """How far the images are.

    Parameters
    ----------
    done : float
        Slices, with the share of the one under way.
    total : int
        Slices.
    preview : ndarray
        (Z, Y, X) complex64 that fills up slice by slice, NaN before: the first coefficient, or
        the mean over time.
    finished : int or None
        The slice that was finished just now.
    """

    done: float
    total: int
    preview: NDArray[np.complex64]
    finished: int | None = None


class AlikeCoils:
    """Slices of raw data in virtual coils whose noise is equal and independent.

    Parameters
    ----------
    raw : RawData
        The measurement. Without a noise scan its coils are taken as they are.
    count : int, optional
        Of virtual coils; by default the fewest that hold the signal of a slice.

    Raises
    ------
    MRFInputError
        ``"bad-option"``, ``"bad-noise-scan"``.
    """

    def __init__(self, raw: RawData, count: int | None = None) -> None:
        if count is not None and not 1 <= count <= raw.n_coils:
            raise MRFInputError("bad-option", "the number of virtual coils is out of range",
                                path=raw.source_path, expected=f"1 to {raw.n_coils}",
                                found=count)  # fmt: skip
        self._raw, self._count = raw, count
        self._whitening = None if raw.noise is None else whitening(raw.noise)
        self.used: list[int] = []
        self.noise = 1.0
        """Variance of the noise of the slice read last."""

    def reading(self, z: int) -> Generator[None, None, NDArray[np.complex64]]:
        """Read a slice; every yield is a chance to cancel.

        Returns
        -------
        ndarray
            (virtual coils, readouts, samples) complex64.

        Raises
        ------
        MRFInputError
            ``"no-signal"``, and what `RawData.read` raises.
        """
        samples = self._raw.read(z)
        if not samples.any():
            raise MRFInputError("no-signal", f"slice {z} of the raw data holds zeros only",
                                path=self._raw.source_path)  # fmt: skip
        yield
        if self._whitening is not None:
            samples = mixed(self._whitening, samples)
        else:
            self.noise = least_power(samples)
        yield
        matrix = compression(samples, self._count)
        yield
        samples = mixed(matrix, samples)
        self.used.append(len(samples))
        yield
        return samples

    def record(self, raw: RawData) -> dict[str, object]:
        """Return what was done to the coils of raw data, and what is told of them, JSON-ready."""
        return {
            "coils": self._raw.n_coils,
            "virtual_coils": self.used,
            "noise_whitened": self._whitening is not None,
            "raw": raw.provenance(),
        }


def trajectory_of(raw: RawData, z: int) -> NDArray[np.float64]:
    """Return the coordinates (readouts, samples, 2) of a slice.

    Raises
    ------
    MRFInputError
        ``"no-trajectory"``.
    """
    places = raw.coordinates(z)
    if places is None:
        raise MRFInputError(
            "no-trajectory", "the raw data do not say where in k-space they were measured",
            path=raw.source_path,
            hint="Name the trajectory, such as golden-angle or a Pulseq .seq file (on the command "
            "line --trajectory).",
        )  # fmt: skip
    return places
