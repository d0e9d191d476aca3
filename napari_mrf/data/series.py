"""A measured fingerprinting series: complex images over time, with their place in space."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.frames import frames_option
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.subspace_signal import SubspaceSignal

_FRAMES_PER_READ = 25


@dataclass(frozen=True, eq=False)
class MRFSeries:
    """Complex images (T, Z, Y, X) and everything needed to reconstruct and save them.

    Parameters
    ----------
    signal : ndarray or dask array
        Complex, shape (T, Z, Y, X). Lazy arrays keep time in one chunk.
    affine : ndarray or None
        (4, 4), voxel indices (x, y, z) to mm, as NIfTI has it. None where the source has no
        usable geometry: volumes in ml are then not available.
    sequence : Sequence or None
        What was played; None until the user has picked one.
    mask : ndarray or None
        (Z, Y, X) bool, voxels to reconstruct.
    source_path, source_sha256 : str or None
        Where the data came from, for the provenance.
    warnings : tuple of str
        Sentences a user should read.
    metadata : dict
        What the reader wants the provenance to keep (axis order, partner file, units).

    Raises
    ------
    MRFInputError
        ``"not-complex"``, ``"bad-shape"``, ``"frames-mismatch"``, ``"bad-mask"`` or
        ``"bad-affine"``.
    """

    signal: Any
    affine: NDArray[np.float64] | None = None
    sequence: Sequence | None = None
    mask: NDArray[np.bool_] | None = None
    source_path: str | None = None
    source_sha256: str | None = None
    warnings: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = tuple(self.signal.shape)
        if len(shape) != 4 or 0 in shape:
            raise MRFInputError(
                "bad-shape",
                "a series must have four axes (T, Z, Y, X), none of them empty",
                path=self.source_path,
                found=f"shape {shape}",
            )
        if not np.issubdtype(self.signal.dtype, np.complexfloating):
            raise MRFInputError(
                "not-complex",
                "the series is real, but fingerprints are complex",
                path=self.source_path,
                expected="complex data",
                found=str(self.signal.dtype),
                hint="Load magnitude and phase, or real and imaginary parts, together.",
            )
        if self.affine is not None:
            affine = check_affine(self.affine, path=self.source_path)
            object.__setattr__(self, "affine", affine)
        if self.mask is not None:
            object.__setattr__(self, "mask", check_mask(self.mask, shape[1:]))
        if self.sequence is not None:
            self._check_frames(self.sequence)

    def _check_frames(self, sequence: Sequence) -> None:
        found, expected = self.n_frames, sequence.n_frames
        if found == expected:
            return
        hint = "Pick the sequence that was measured."
        if found == sequence.n_pulses:
            spokes = sequence.pulses_per_frame
            overlap = sequence.pulses_between_frames is not None
            start = "Is" if overlap else f"{found} / {expected} = {spokes}: is"
            hint = f"{start} this the unaveraged spoke series? Average {spokes} spokes per frame."
        elif found == 2 * expected:
            hint = "Twice the frames: are real and imaginary parts stacked along time?"
        elif found < min(expected, 60):
            hint = "Few frames: is this a compressed (SVD) series? It needs its basis."
        elif found < expected:
            hint += (
                " A sliding window leaves fewer frames: use the sequence of the sidecar. A scan "
                "that was cut short is matched with the frames that are there: "
                f"{frames_option(range(found))}."
            )
        raise MRFInputError(
            "frames-mismatch",
            f"the series does not fit the sequence {sequence.name}",
            path=self.source_path,
            expected=f"{expected} frames",
            found=f"{found} frames",
            hint=hint,
        )

    @property
    def n_frames(self) -> int:
        """Number of temporal frames T."""
        return int(self.signal.shape[0])

    @property
    def spatial_shape(self) -> tuple[int, int, int]:
        """(Z, Y, X)."""
        _, z, y, x = self.signal.shape
        return int(z), int(y), int(x)

    @property
    def voxel_sizes_mm(self) -> tuple[float, float, float] | None:
        """Edge lengths (z, y, x) in mm, or None without geometry."""
        if self.affine is None:
            return None
        x, y, z = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(z), float(y), float(x)

    @property
    def is_lazy(self) -> bool:
        """Whether the signal is read on demand (a dask array)."""
        return hasattr(self.signal, "dask")

    @property
    def subspace(self) -> SubspaceSignal | None:
        """The coefficients that the frames are made of; None for any other series.

        It goes with the array of frames (see `lazy_frames`), so that frames that were changed
        have none.
        """
        found: SubspaceSignal | None = getattr(self.signal, "subspace", None)
        return found

    def slab(self, z: int) -> NDArray[np.complex64]:
        """Return one slice (T, Y, X) in memory."""
        return np.asarray(self.signal[:, z], dtype=np.complex64)

    def fingerprint(self, z: int, y: int, x: int) -> NDArray[np.complex64]:
        """Return the fingerprint (T,) of one voxel."""
        return np.asarray(self.signal[:, z, y, x], dtype=np.complex64)

    def check_complex(self, slices: Iterable[int] | None = None, *, tolerance: float = 0.0) -> None:
        """Refuse real numbers that are stored as complex ones, such as magnitudes.

        A receive phase and noise give every measured image an imaginary part. The series is
        read from its middle slice on, until some image has one: as a rule the first few frames.
        Series that are constant in time hold no fingerprints, and are told as such elsewhere.

        Parameters
        ----------
        slices : iterable of int, optional
            Those that are looked at; all by default.
        tolerance : float
            Of the largest real part in an image: what its imaginary parts may reach and still
            count as 0. Files get some, for phases of 0 and pi that were rounded. Arrays have
            none: simulated signals may be real to the last bits.

        Raises
        ------
        MRFInputError
            ``"not-complex"``; not for series that were loaded as magnitudes on purpose.
        """
        if self.metadata.get("magnitude_only"):
            return
        n_slices, varies = self.spatial_shape[0], False
        wanted = range(n_slices) if slices is None else slices
        for z in sorted(wanted, key=lambda z: abs(z - n_slices // 2)):
            for start in range(0, self.n_frames, _FRAMES_PER_READ):
                frames = np.asarray(self.signal[start : start + _FRAMES_PER_READ, z])
                if start == 0:
                    first = frames[0]
                real, imaginary = _largest(frames.real), _largest(frames.imag)
                with np.errstate(invalid="ignore"):  # of infinite values
                    is_complex = bool(np.any(imaginary > tolerance * real))
                if is_complex:
                    return
                varies = varies or bool(np.any(frames != first))
        if varies:
            raise MRFInputError(
                "not-complex",
                "the imaginary part of the series is 0 everywhere, but fingerprints are complex",
                path=self.source_path,
                expected="a phase that differs from voxel to voxel, as receivers measure it",
                found="real numbers stored as complex ones",
                hint="Are these magnitudes? Load magnitude and phase, or real and imaginary "
                "parts, together.",
            )

    def with_sequence(self, sequence: Sequence) -> MRFSeries:
        """Return the same series under a sequence, checked for length."""
        return replace(self, sequence=sequence)

    def with_mask(self, mask: NDArray[np.bool_] | None) -> MRFSeries:
        """Return the same series with another mask."""
        return replace(self, mask=mask)


def _largest(images: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the largest size of a value in each image (F, Y, X), NaN left out."""
    flat = np.abs(images).reshape(len(images), -1)
    return np.asarray(np.fmax.reduce(flat, axis=1, initial=0.0))


def check_affine(affine: Any, *, path: str | None = None) -> NDArray[np.float64]:
    """Return a read-only (4, 4) affine, refusing NaN and singular ones.

    Raises
    ------
    MRFInputError
        ``"bad-affine"``.
    """
    try:
        matrix = np.array(affine, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        matrix = np.empty(0)
    usable = matrix.shape == (4, 4) and bool(np.all(np.isfinite(matrix)))
    with np.errstate(all="ignore"):
        volume = abs(np.linalg.det(matrix[:3, :3])) if usable else 0.0
    if not 1e-12 <= volume < np.inf:
        raise MRFInputError(
            "bad-affine",
            "the affine is missing, not finite or singular",
            path=path,
            expected="an invertible 4 x 4 matrix in mm",
            hint="Leave the affine out if the geometry is unknown.",
        )
    matrix.setflags(write=False)
    return matrix


def check_mask(mask: Any, spatial_shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the mask as bool, refusing one on another grid.

    Raises
    ------
    MRFInputError
        ``"bad-mask"``.
    """
    array = np.asarray(mask)
    if array.shape != tuple(spatial_shape):
        raise MRFInputError(
            "bad-mask",
            "the mask lies on another grid than the series",
            expected=f"shape {tuple(spatial_shape)} (Z, Y, X)",
            found=f"shape {array.shape}",
        )
    if not np.all(np.isfinite(array)):
        raise MRFInputError("bad-mask", "the mask holds NaN or infinite values")
    return array.astype(bool)
