"""The radial scan of one slice: the signal of each readout through the coils onto its spokes."""

from __future__ import annotations

from math import ceil, pi, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.threads import indices_in_order
from napari_mrf.kspace import coils, density, gridding, nufft
from napari_mrf.kspace.trajectory import RadialTrajectory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


class RadialScan:
    """A golden-angle radial scan through simulated coils.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the object and of the images.
    n_readouts : int
        How often signals are read: after each pulse, or once a frame.
    readouts_per_frame : int
        So many consecutive ones make a frame.
    matrix_size : int
        Voxels across the encoded field of view.
    readout_oversampling : float
        Samples along a spoke per voxel of the matrix.
    n_coils : int
        Receive coils.
    spokes_per_readout : int
        Spokes that one readout covers.
    first_angle_deg : float
        Of the first spoke.
    fully_sampled : bool
        Every frame measures its mean signal on all spokes that the matrix needs.
    seed : int
        Of the coils.
    workers : int, optional
        Threads.
    gradient_delays : tuple of float
        Samples by which the axes x and y shift the spokes; images are gridded as if there were
        none.
    """

    def __init__(
        self, *, shape: tuple[int, int], n_readouts: int, readouts_per_frame: int,
        matrix_size: int, readout_oversampling: float, n_coils: int, spokes_per_readout: int,
        first_angle_deg: float, fully_sampled: bool, seed: int, workers: int | None,
        gradient_delays: tuple[float, float] = (0.0, 0.0),
    ) -> None:  # fmt: skip
        self.fully_sampled = fully_sampled
        self.n_readouts = n_readouts
        self._spokes_per_readout = spokes_per_readout
        self.spokes_per_frame = (
            ceil(pi / 2.0 * matrix_size)
            if fully_sampled
            else readouts_per_frame * spokes_per_readout
        )
        self.trajectory = RadialTrajectory(
            self.spokes_per_frame if fully_sampled else n_readouts * spokes_per_readout,
            matrix_size,
            readout_oversampling,
            first_angle_deg=first_angle_deg,
        )
        self._delays = gradient_delays
        self._sensitivities = coils.simulated_sensitivities(shape, n_coils, seed=seed)
        self._n_frames = n_readouts // readouts_per_frame
        self._workers = workers
        self._shape = shape

    def frames(
        self,
        signals: NDArray[np.complex64],
        inside: NDArray[np.bool_],
        sigma: float,
        *,
        noise_seed: tuple[int, int],
        measured: Callable[[], None],
    ) -> Iterator[NDArray[np.complex64]]:
        """Measure one slice and yield the combined image of every frame.

        Parameters
        ----------
        signals : ndarray
            (readouts, voxels) complex64.
        inside : ndarray
            (Y, X) bool, where the voxels lie.
        sigma : float
            Standard deviation of the noise in the real and imaginary part of the images.
        noise_seed : tuple of int
            Of the noise; every readout draws from its own stream, so that the result does
            not depend on the number of threads.
        measured : callable
            Called after each readout of a scan whose frames are made when all are there.

        Yields
        ------
        ndarray
            (Y, X) complex64.
        """
        measure = self._measure(signals, inside, self.noise_level(sigma), noise_seed)
        if self.fully_sampled:
            yield from self._fully_sampled_frames(measure)
            return
        kspace = self.kspace(signals, inside, sigma, noise_seed=noise_seed, measured=measured)
        yield from self.gridded(kspace)

    def kspace(
        self, signals: NDArray[np.complex64], inside: NDArray[np.bool_], sigma: float, *,
        noise_seed: tuple[int, int], measured: Callable[[], None],
    ) -> NDArray[np.complex64]:  # fmt: skip
        """Measure one slice; see `frames`.

        Returns
        -------
        ndarray
            (coils, spokes, samples) complex64, noise included.
        """
        measure = self._measure(signals, inside, self.noise_level(sigma), noise_seed)
        n_spokes = self.trajectory.n_spokes
        kspace = np.empty(
            (len(self._sensitivities), n_spokes, self.trajectory.n_samples), dtype=np.complex64
        )
        readouts = indices_in_order(measure, self.n_readouts, workers=self._workers)
        for readout, samples in enumerate(readouts):
            kspace[:, self._spokes_of(readout)] = samples
            measured()
        return kspace

    def gridded(self, kspace: NDArray[np.complex64]) -> Iterator[NDArray[np.complex64]]:
        """Yield the combined image (Y, X) of every frame of a measured slice."""
        yield from gridding.grid_frames(
            kspace, self.trajectory, self.spokes_per_frame, self._shape, workers=self._workers
        )

    def noise_level(self, sigma: float) -> float:
        """Return the standard deviation of samples that gives images one of ``sigma``."""
        weights = density.radial_ramp(self.trajectory, self.spokes_per_frame)
        return sigma / sqrt(self.spokes_per_frame * float((weights**2).sum()))

    def _places(self, spokes: slice) -> NDArray[np.float64]:
        """Return where spokes are measured, (spokes, samples, 2)."""
        nominal = self.trajectory.coordinates(spokes.start or 0, spokes.stop)
        # Each axis by its own delay, as it takes part in the direction of a spoke.
        steps = nominal[:, 1:2] - nominal[:, :1]
        return np.asarray(nominal + steps * self._delays[::-1])

    def _spokes_of(self, readout: int) -> slice:
        count = self._spokes_per_readout
        return slice(readout * count, (readout + 1) * count)

    def _measure(
        self, signals: NDArray[np.complex64], inside: NDArray[np.bool_], noise: float,
        noise_seed: tuple[int, int],
    ) -> Callable[[int], NDArray[np.complex64]]:  # fmt: skip
        """Return what measures a readout."""

        def measure(index: int) -> NDArray[np.complex64]:
            image = np.zeros(self._shape, dtype=np.complex64)
            image[inside] = signals[index]
            spokes = slice(None) if self.fully_sampled else self._spokes_of(index)
            samples = nufft.forward(image * self._sensitivities, self._places(spokes))
            if noise > 0:
                rng = np.random.default_rng([*noise_seed, 0x5CA7, index])
                draw = rng.standard_normal((*samples.shape, 2), dtype=np.float32)
                samples = samples + np.float32(noise) * draw.view(np.complex64)[..., 0]
            return np.asarray(samples, dtype=np.complex64)

        return measure

    def _fully_sampled_frames(self, measure: Any) -> Iterator[NDArray[np.complex64]]:
        """Yield combined images; the coil weights come from frames spread over the series."""

        def images(frame: int) -> NDArray[np.complex64]:
            return gridding.coil_images(
                measure(frame), self.trajectory, 0, self.trajectory.n_spokes, self._shape
            )

        some = np.unique(np.linspace(0, self._n_frames - 1, 10).astype(int))
        parts = indices_in_order(
            lambda part: images(int(some[part])), len(some), workers=self._workers
        )
        weights = coils.combination_weights(np.stack(list(parts)))

        def combined(frame: int) -> NDArray[np.complex64]:
            return coils.combine(images(frame), weights).astype(np.complex64, copy=False)

        yield from indices_in_order(combined, self._n_frames, workers=self._workers)

    def metadata(self) -> dict[str, Any]:
        """Return how the scan was made, JSON-ready."""
        return {
            **self.trajectory.metadata(),
            "spokes_per_frame": self.spokes_per_frame,
            "undersampling_factor": self.trajectory.undersampling_factor(self.spokes_per_frame),
            "n_coils": len(self._sensitivities),
            "gradient_delays": list(self._delays),
        }
