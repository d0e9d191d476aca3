"""From maps to a measured series: signals, coils, radial k-space, noise, receive phase."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_mrf.data.series import MRFSeries
from napari_mrf.errors import MRFInputError
from napari_mrf.kspace.sliding_window import moving_means
from napari_mrf.phantoms.acquisition.radial_scan import RadialScan
from napari_mrf.phantoms.phantom import Phantom
from napari_mrf.phantoms.random_fields import RandomField
from napari_mrf.simulation import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.kspace.trajectory import RadialTrajectory


Mode = Literal["radial", "fully-sampled", "noise-only"]
NoiseReference = Literal["voxel", "foreground"]
MODES: tuple[Mode, ...] = ("radial", "fully-sampled", "noise-only")
_MOST_DELAY = 20
UNIT_NORM_SIGNAL = 0.0876762
"""The signal S of SNR = 20 log10(S / sigma) on fingerprints of norm 1."""


@dataclass(frozen=True, eq=False)
class SliceKSpace:
    """What the coils measured of a slice.

    Parameters
    ----------
    samples : ndarray
        (coils, spokes, samples) complex64.
    trajectory : RadialTrajectory
        Where.
    noise : float
        Standard deviation in the real and in the imaginary part of each sample.
    """

    samples: NDArray[np.complex64]
    trajectory: RadialTrajectory
    noise: float


def acquire(
    truth: Phantom | ParameterMaps,
    sequence: Sequence,
    *,
    mode: Mode = "radial",
    snr_db: float | None = 20.0,
    noise_reference: NoiseReference = "voxel",
    n_coils: int = 8,
    matrix_size: int | None = None,
    readout_oversampling: float = 2.0,
    spokes_per_pulse: int = 1,
    spokes_per_frame: int | None = None,
    first_angle_deg: float = 0.0,
    gradient_delays: tuple[float, float] = (0.0, 0.0),
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    kspace: list[SliceKSpace] | None = None,
) -> MRFSeries:
    """Simulate the measurement of an object.

    ``"radial"``: golden-angle spokes, one per pulse, each seeing the signal of its own pulse,
    through several coils; the spokes of a frame are gridded into an undersampled image.
    ``"fully-sampled"``: as many spokes per frame as the Nyquist criterion asks for, all of the
    mean signal of the frame. ``"noise-only"``: the exact frame signals and noise.

    Where the frames of the sequence overlap (`Sequence.sliding_window`), the same scan is
    measured and its frames combined afterwards, so that their noise shrinks with the window.

    In every mode the receive phase is unknown and smooth in space. In air there is no signal.

    The noise is Gaussian with standard deviation sigma in the real and the imaginary part of
    the frame images, ``sigma = 0.0876762 · 10^(-snr_db / 20) · norm``. In ``"noise-only"``
    the norm is that of each voxel's own fingerprint (``noise_reference="voxel"``: every
    voxel has the SNR asked for, and air is free of noise) or the mean over the foreground of
    the slice (``"foreground"``: the same noise everywhere, as a scanner has it). The sampled
    modes always use the latter; there the noise is added in k-space, such that the density-
    compensated image of a frame has this sigma, and undersampling artifacts come on top.

    Parameters
    ----------
    truth : Phantom or ParameterMaps
        Maps of all parameters of the sequence, NaN where there is no signal. ``m0`` is the
        scale, 1 where it is missing; for sequences that measure PD, PD is the scale.
    sequence : Sequence
        What is played.
    mode : {"radial", "fully-sampled", "noise-only"}
        See above.
    snr_db : float or None
        Signal-to-noise ratio on unit-norm fingerprints (dB); None means no noise.
    noise_reference : {"voxel", "foreground"}
        For ``"noise-only"``, see above.
    n_coils : int
        Receive coils of the sampled modes, 1 or more.
    matrix_size : int, optional
        Voxels across the encoded field of view, at least that of the maps (the default): it
        sets the undersampling pi/2 · matrix_size / spokes per frame. The thighs of Balsiger
        et al. 2020 were encoded with 350 (68.7-fold).
    readout_oversampling : float
        Samples along a spoke per voxel of the matrix.
    spokes_per_pulse : int
        For ``"radial"``: spokes that the readout after one pulse covers, all of the same
        signal. More than one stands for the longer readout of a spiral arm, as FISP
        fingerprinting of the brain has it.
    spokes_per_frame : int, optional
        For ``"radial"``: so many spokes a frame, all of the mean signal of its pulses, instead
        of spokes of single pulses. Any undersampling, at a third of the time; the same where the
        signal does not change within a frame.
    first_angle_deg : float
        For the sampled modes: the angle of the first spoke.
    gradient_delays : tuple of float
        For the sampled modes: samples by which the axes x and y shift every spoke, each in
        proportion to its part in the direction. The trajectory that is told stays nominal.
    seed : int
        Of coils, receive phase and noise.
    workers : int, optional
        Threads; the result does not depend on it.
    progress : callable, optional
        Called with (steps done, steps in all): some voxels simulated, the readout of a pulse in
        the mode ``"radial"``, a frame made.
    kspace : list, optional
        For ``"radial"``: what the coils measured is appended to it, slice by slice.

    Returns
    -------
    MRFSeries
        (T, Z, Y, X) complex64 with the affine of the truth and no mask; how it was made is in
        ``metadata``.

    Raises
    ------
    MRFInputError
        ``"bad-acquisition"`` for impossible options, ``"missing-map"``, and what the signal
        model raises for impossible values.
    """
    maps = truth.truth() if isinstance(truth, Phantom) else truth
    n_slices, *plane = shape = maps.spatial_shape
    _check(mode, noise_reference, snr_db, n_coils, spokes_per_pulse, matrix_size, shape,
           gradient_delays)  # fmt: skip
    _check_frames(mode, spokes_per_pulse, spokes_per_frame, first_angle_deg)
    by_pulse = mode == "radial" and spokes_per_frame is None
    if kspace is not None and not by_pulse:
        raise MRFInputError("bad-acquisition", "only a radial acquisition has raw data",
                            expected="the mode radial, every pulse with spokes of its own",
                            found=mode)  # fmt: skip
    scale, foreground = signal_scale(maps, sequence)
    scale = scale * np.exp(1j * receive_phase(maps, seed))
    relative_noise = 0.0 if snr_db is None else UNIT_NORM_SIGNAL * 10.0 ** (-snr_db / 20.0)

    scan = None
    shared = gcd(sequence.pulses_per_frame, sequence.frame_step)
    apart = replace(sequence, pulses_per_frame=shared, pulses_between_frames=None)
    window, step = sequence.pulses_per_frame // shared, sequence.frame_step // shared
    if mode != "noise-only":
        scan = RadialScan(
            shape=(plane[0], plane[1]),
            n_readouts=apart.n_pulses if by_pulse else apart.n_frames,
            readouts_per_frame=apart.pulses_per_frame if by_pulse else 1,
            matrix_size=matrix_size or max(plane),
            readout_oversampling=readout_oversampling,
            n_coils=n_coils,
            spokes_per_readout=spokes_per_frame or spokes_per_pulse,
            first_angle_deg=first_angle_deg,
            fully_sampled=mode == "fully-sampled",
            seed=seed,
            workers=workers,
            gradient_delays=gradient_delays,
        )
    signal = np.zeros((sequence.n_frames, *shape), dtype=np.complex64)
    n_steps = apart.n_frames
    if scan is not None and mode == "radial":
        n_steps += scan.n_readouts
    n_chunks = sum(-(-int(inside.sum()) // VOXELS_PER_CHUNK) for inside in foreground)
    steps = _Steps(n_chunks + n_slices * n_steps, progress)
    for z in range(n_slices):
        inside = foreground[z]
        parameters = {key: maps[key][z][inside] for key in sequence.parameters}
        played = replace(apart, pulses_per_frame=1) if by_pulse else apart
        fingerprints = received_fingerprints(played, parameters, scale[z][inside], steps.count)
        norms = frame_norms(fingerprints, apart.n_frames)
        rng = np.random.default_rng([seed, 0x2015E, z])
        if scan is None:
            voxels = np.zeros(tuple(plane))
            voxels[inside] = norms
            if noise_reference == "foreground":
                voxels[:] = norms.mean() if norms.size else 0.0
            frames = _noise_only(fingerprints, inside, relative_noise * voxels, rng)
        else:
            sigma = relative_noise * float(norms.mean()) if norms.size else 0.0
            if kspace is None:
                frames = scan.frames(
                    fingerprints, inside, sigma, noise_seed=(seed, z), measured=steps.count
                )
            else:
                samples = scan.kspace(
                    fingerprints, inside, sigma, noise_seed=(seed, z), measured=steps.count
                )
                kspace.append(SliceKSpace(samples, scan.trajectory, scan.noise_level(sigma)))
                frames = scan.gridded(samples)
        for frame, image in enumerate(moving_means(steps.counted(frames), window, step)):
            signal[frame, z] = image

    metadata: dict[str, Any] = {
        "simulated": mode,
        "snr_db": snr_db,
        "noise_reference": noise_reference if scan is None else "foreground",
        "seed": seed,
        "object": maps.provenance,
    }
    if scan is not None:
        metadata.update(scan.metadata())
    if window > 1:
        metadata["sliding_window_frames"] = window
        if mode == "radial":
            metadata["spokes_per_frame"] *= window
            metadata["undersampling_factor"] /= window
    return MRFSeries(signal, affine=maps.affine, sequence=sequence, metadata=metadata)


def _check(
    mode: str, noise_reference: str, snr_db: float | None, n_coils: int,
    spokes_per_pulse: int, matrix_size: int | None, shape: tuple[int, int, int],
    gradient_delays: tuple[float, float],
) -> None:  # fmt: skip
    if mode not in MODES:
        raise MRFInputError("bad-acquisition", "the mode of acquisition is unknown",
                            expected=" or ".join(MODES), found=repr(mode))  # fmt: skip
    if not np.isfinite(gradient_delays).all() or np.abs(gradient_delays).max() > _MOST_DELAY:
        raise MRFInputError("bad-acquisition", "the gradient delays are out of range",
                            expected=f"up to {_MOST_DELAY} samples",
                            found=f"{gradient_delays[0]:g}, {gradient_delays[1]:g}")  # fmt: skip
    if mode == "noise-only" and any(gradient_delays):
        raise MRFInputError("bad-acquisition", "a series without k-space has no gradient delays",
                            expected="the mode radial or fully-sampled", found=mode)  # fmt: skip
    if noise_reference not in ("voxel", "foreground"):
        raise MRFInputError("bad-acquisition", "the reference of the noise is unknown",
                            expected="voxel or foreground",
                            found=repr(noise_reference))  # fmt: skip
    if snr_db is not None and not np.isfinite(snr_db):
        raise MRFInputError("bad-acquisition", "the SNR is not finite",
                            hint="None means no noise.")  # fmt: skip
    if n_coils < 1:
        raise MRFInputError(
            "bad-acquisition", "an acquisition needs at least one coil", found=n_coils
        )
    if spokes_per_pulse < 1:
        raise MRFInputError("bad-acquisition", "a readout must cover at least one spoke",
                            expected="spokes_per_pulse of 1 or more",
                            found=spokes_per_pulse)  # fmt: skip
    if matrix_size is not None and matrix_size < max(shape[1:]):
        raise MRFInputError("bad-acquisition", "the object is larger than the field of view",
                            expected=f"matrix_size of {max(shape[1:])} or more",
                            found=matrix_size)  # fmt: skip


def _check_frames(
    mode: str, spokes_per_pulse: int, spokes_per_frame: int | None, first_angle_deg: float
) -> None:
    if not np.isfinite(first_angle_deg):
        raise MRFInputError("bad-acquisition", "the angle of the first spoke is not finite",
                            found=first_angle_deg)  # fmt: skip
    if spokes_per_frame is None:
        return
    if mode != "radial" or spokes_per_pulse != 1:
        raise MRFInputError(
            "bad-acquisition", "spokes per frame do not go with the other options",
            expected="the mode radial, and spokes_per_pulse left alone",
            found=f"{mode}, spokes_per_pulse {spokes_per_pulse}",
        )  # fmt: skip
    if spokes_per_frame < 1:
        raise MRFInputError("bad-acquisition", "a frame must have at least one spoke",
                            expected="spokes_per_frame of 1 or more",
                            found=spokes_per_frame)  # fmt: skip


def _noise_only(
    fingerprints: NDArray[np.complex64], inside: NDArray[np.bool_],
    sigma: NDArray[np.float64], rng: np.random.Generator,
) -> Iterator[NDArray[np.complex64]]:  # fmt: skip
    for values in fingerprints:
        frame = np.zeros(inside.shape, np.complex64)
        frame[inside] = values
        noise = rng.standard_normal((2, *inside.shape)) * sigma
        frame += (noise[0] + 1j * noise[1]).astype(np.complex64)
        yield frame


@dataclass
class _Steps:
    """Progress of an acquisition, for a caller that shows it."""

    total: int
    progress: Callable[[int, int], None] | None
    done: int = 0

    def count(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)

    def counted(self, frames: Iterable[NDArray[np.complex64]]) -> Iterator[NDArray[np.complex64]]:
        for frame in frames:
            yield frame
            self.count()


# Bounds the memory of double-precision signals: 1400 pulses x 2048 voxels x 16 bytes = 46 MB.
VOXELS_PER_CHUNK = 2048


def signal_scale(
    maps: ParameterMaps, sequence: Sequence
) -> tuple[NDArray[np.complex128], NDArray[np.bool_]]:
    """Return the complex scale of every voxel and where there is signal."""
    missing = [key for key in sequence.parameters if key not in maps]
    if missing:
        raise MRFInputError("missing-map", f"the object lacks the maps {', '.join(missing)}",
                            expected=", ".join(sequence.parameters),
                            found=", ".join(maps) or "none")  # fmt: skip
    scale = np.ones(maps.spatial_shape, dtype=np.complex128)
    if maps.m0 is not None and "PD" not in sequence.parameters:
        scale = maps.m0.astype(np.complex128)
    foreground = np.isfinite(scale) & (scale != 0)
    for key in sequence.parameters:
        foreground &= np.isfinite(maps[key])
    return scale, foreground


def receive_phase(maps: ParameterMaps, seed: int) -> NDArray[np.float64]:
    """Return a smooth phase (rad) with an arbitrary offset, over the grid of the maps."""
    rng = np.random.default_rng([seed, 0x9A5E])
    affine = np.eye(4) if maps.affine is None else maps.affine
    sizes = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))[::-1]
    z, y, x = (
        (np.arange(count) - count / 2.0) * size
        for count, size in zip(maps.spatial_shape, sizes, strict=True)
    )
    extent = max(len(y) * sizes[1], len(x) * sizes[2])
    field = RandomField(rng, float(0.35 * extent), 30)
    offset = rng.uniform(-np.pi, np.pi)
    return offset + 0.8 * np.stack([field(position, y, x) for position in z])


def received_fingerprints(
    sequence: Sequence, parameters: dict[str, NDArray[np.float32]],
    scale: NDArray[np.complex128], simulated: Callable[[], None],
) -> NDArray[np.complex64]:  # fmt: skip
    """Return the scaled signals (frames or pulses, voxels)."""
    signals = np.empty((sequence.n_frames, len(scale)), dtype=np.complex64)
    for start in range(0, len(scale), VOXELS_PER_CHUNK):
        part = slice(start, start + VOXELS_PER_CHUNK)
        chunk = simulate(sequence, {key: values[part] for key, values in parameters.items()})
        signals[:, part] = np.asarray(chunk).T * scale[part]
        simulated()
    return signals


def frame_norms(signals: NDArray[np.complex64], n_frames: int) -> NDArray[np.float64]:
    """Return the norm of each voxel's fingerprint from signals of frames or pulses."""
    squares = np.zeros(signals.shape[1])
    for pulses in np.split(signals, n_frames):
        squares += np.abs(pulses.mean(axis=0, dtype=np.complex128)) ** 2
    return np.sqrt(squares)
