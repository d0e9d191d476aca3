"""Rigid and affine registration of two images of one patient.

A thin layer over SimpleITK (Lowekamp et al., Front. Neuroinform. 2013): the correlation of the two
images is raised step by step, rigid first, then affine, from coarse to fine. It begins where the
scanner says that the images are and where their centers are, and the better end counts.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

KINDS = ("rigid", "affine")
FEWEST_SLICES = 4
"""With fewer slices nothing between them is known: they are moved within their planes only."""

_SHRINK = ((4, 2.0), (2, 1.0), (1, 0.0))
"""Factor and smoothing (voxels) within the planes, coarse to fine."""
_ITERATIONS = 60
_FINE_ENOUGH = 128
_GOOD = 0.9  # no other start is tried
_FIRST_STEP_MM, _LAST_STEP_MM = 1.0, 0.01
_MANY_SLICES = 16  # with fewer, stretching along them is not told from moving
_TURN_IN_PLANE = (0, 0, 1, 1, 1, 0)
_STRETCH_IN_PLANE = (1, 1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0)
_LEAST_VOXELS = 16  # a side of a plane at the coarsest level
_BEYOND = 2  # slices repeated on either side of a thin stack, for filters that need four
_SHEAR = 1e-3
_SAME_WAY = 0.7  # of the cosine between axes


@dataclass(frozen=True, eq=False)
class Image:
    """An image that is laid over another.

    Parameters
    ----------
    values : ndarray
        (Z, Y, X); NaN where there is no value.
    affine : ndarray
        (4, 4), voxel indices (x, y, z) to mm.
    """

    values: NDArray[np.floating]
    affine: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Registration:
    """Where the points of one image lie in another.

    Parameters
    ----------
    matrix : ndarray
        (4, 4), mm of the fixed image to mm of the moving one.
    correlation_before, correlation : float
        Of the fixed image with the moving one, as the scanner lays them over each other and with
        the matrix, over the voxels that both cover; NaN where they share none.
    is_in_plane : bool
        Whether slices were moved within their planes only, slice by slice in their order.
    """

    matrix: NDArray[np.float64]
    correlation_before: float
    correlation: float
    is_in_plane: bool

    @property
    def rotation_deg(self) -> float:
        """Angle of the rotation that is nearest to the matrix, 0-180 degrees."""
        left, _, right = np.linalg.svd(self.matrix[:3, :3])
        return float(np.rad2deg(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1))))

    @property
    def volume_ratio(self) -> float:
        """Volume of a piece of tissue in the moving image over that in the fixed one."""
        return float(abs(np.linalg.det(self.matrix[:3, :3])))

    def shift_mm(self, at: NDArray[np.float64]) -> float:
        """Return how far a point (3,) of the fixed image, in mm, is moved."""
        moved = self.matrix @ np.append(at, 1.0)
        return float(np.linalg.norm(moved[:3] - at))


def register(
    fixed: Image,
    moving: Image,
    *,
    kind: str = "affine",
    progress: Callable[[int, int], None] | None = None,
) -> Registration:
    """Find where the points of an image lie in another image of the same kind and patient.

    Parameters
    ----------
    fixed, moving : Image
        Two maps of one parameter, or two magnitudes; their intensities may differ by a factor.
        Images of fewer than `FEWEST_SLICES` slices must have as many slices as each other.
    kind : {"affine", "rigid"}
        Whether tissue may also be stretched and sheared.
    progress : callable, optional
        Called with how many passes of the optimizer are done, and of how many, after every step of
        it. An exception that it raises ends the registration.

    Returns
    -------
    Registration
        The same, bit by bit, whenever it is repeated.

    Raises
    ------
    MRFInputError
        ``"missing-package"`` without SimpleITK, ``"unknown-option"``, ``"bad-image"`` for an image
        that is empty, too small or of sheared geometry, ``"other-slices"`` for thin images with
        different numbers of slices, and ``"registration-failed"``.
    """
    check_installed()
    if kind not in KINDS:
        raise MRFInputError("unknown-option", f"there is no registration called {kind!r}",
                            expected=" or ".join(KINDS))  # fmt: skip
    for one, name in ((fixed, "fixed"), (moving, "moving")):
        _check(one, name)
    in_plane = min(len(fixed.values), len(moving.values)) < FEWEST_SLICES
    if in_plane and len(fixed.values) != len(moving.values):
        raise MRFInputError(
            "other-slices", "the images have different numbers of slices, and too few to lay one "
            "over the other in space", expected=f"{FEWEST_SLICES} slices or more of both",
            found=f"{len(fixed.values)} and {len(moving.values)}",
        )  # fmt: skip
    to_fixed, to_moving = _frame(fixed), _frame(moving)  # mm of the slices to mm of the scanner
    scanner = np.linalg.inv(to_moving) @ to_fixed
    starts = [_centers(fixed, moving)] if in_plane else [scanner, _centers(fixed, moving)]
    ends = []
    n_passes = (1 if in_plane else 2) + (kind == "affine")
    for at, start in enumerate(starts):
        tell = _Progress(progress, at * n_passes, len(starts) * n_passes)
        for end in _improved(fixed, moving, start, kind, tell, in_plane=in_plane):
            ends.append((np.nan_to_num(_correlation(fixed, moving, end), nan=-1.0), end))
        if max(value for value, _ in ends) > _GOOD:
            break
    found, best = max(ends, key=lambda end: end[0])
    if found <= 0:
        raise MRFInputError("registration-failed", "the images could not be laid over each other",
                            hint="Are they of the same part of the body, and of one map?"
                            )  # fmt: skip
    return Registration(
        to_moving @ best @ np.linalg.inv(to_fixed), _correlation(fixed, moving, scanner),
        float(found), in_plane,
    )  # fmt: skip


def _check(image: Image, name: str) -> None:
    values = image.values
    found = ""
    if values.ndim != 3 or min(values.shape[1:]) < _LEAST_VOXELS:
        found = f"shape {values.shape}"
    elif not np.isfinite(values).any() or np.nanmin(values) == np.nanmax(values):
        found = "the same value everywhere"
    else:
        axes = _directions(image)
        if not np.all(np.abs(axes.T @ axes - np.eye(3)) < _SHEAR):
            found = "sheared or missing geometry"
    if found:
        raise MRFInputError("bad-image", f"the {name} image cannot be registered",
                            expected=f"(Z, Y, X) with {_LEAST_VOXELS} voxels or more a side, "
                            "different values, a geometry", found=found)  # fmt: skip


def _spacing(image: Image) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(image.affine[:3, :3], axis=0))


def _frame(image: Image) -> NDArray[np.float64]:
    """Return the mapping of mm along the axes of an image to mm of the scanner."""
    return image.affine @ np.diag([*(1.0 / _spacing(image)), 1.0])


def _centers(fixed: Image, moving: Image) -> NDArray[np.float64]:
    """Return what lays the centers of brightness over each other, and thin stacks slice by slice.

    An axis that points the other way in the file is turned: nobody is mirrored.
    """
    cosines = np.sum(_directions(fixed) * _directions(moving), axis=0)
    ways = np.where(cosines < 0, -1.0, 1.0)
    found = np.diag([*ways, 1.0])
    found[:3, 3] = _center(moving) - ways * _center(fixed)
    if min(len(fixed.values), len(moving.values)) < FEWEST_SLICES:
        if np.abs(cosines).min() < _SAME_WAY:
            raise MRFInputError(
                "other-slices", "the slices of the two images do not lie the same way, and are too "
                "few to lay one over the other in space",
                expected=f"{FEWEST_SLICES} slices or more of both",
            )  # fmt: skip
        step = _spacing(moving)[2]
        found[2, 2] = ways[2] * step / _spacing(fixed)[2]
        found[2, 3] = step * (len(moving.values) - 1) if ways[2] < 0 else 0.0
    return found


def _directions(image: Image) -> NDArray[np.float64]:
    return np.asarray(image.affine[:3, :3] / _spacing(image))


def _center(image: Image) -> NDArray[np.float64]:
    weights = np.nan_to_num(np.abs(image.values)).astype(np.float64)
    whole = weights.sum()
    along = [np.arange(length) for length in weights.shape]
    sums = [weights.sum(axis=tuple({0, 1, 2} - {axis})) @ along[axis] for axis in (2, 1, 0)]
    return np.asarray(np.array(sums) / whole * _spacing(image))


def check_installed() -> None:
    """Refuse to go on without SimpleITK, which is not imported yet.

    Raises
    ------
    MRFInputError
        ``"missing-package"``.
    """
    if find_spec("SimpleITK") is None:
        raise MRFInputError(
            "missing-package", "registration needs SimpleITK, which is not installed",
            hint="Install it with: pip install napari-mrf[registration]",
        )  # fmt: skip


class _Progress:
    """Tells how many passes are done; whoever is told may end the one that runs."""

    def __init__(self, told: Callable[[int, int], None] | None, done: int, total: int) -> None:
        self._told, self._done, self._total = told, done, total

    def run(self, method: Any, *images: Any) -> Any | None:
        """Run a pass and return its transform, None where the images have left each other."""
        ended: list[BaseException] = []

        def tell() -> None:
            if self._told is None or ended:
                return
            try:
                self._told(self._done, self._total)
            except BaseException as error:  # SimpleITK would swallow it
                ended.append(error)
                method.StopRegistration()

        import SimpleITK

        method.AddCommand(SimpleITK.sitkIterationEvent, tell)
        tell()
        found = None
        with suppress(RuntimeError):
            found = method.Execute(*images)
        method.RemoveAllCommands()
        self._done += 1
        if ended:
            raise ended[0]
        return found


def _image(image: Image) -> Any:
    values = np.nan_to_num(image.values).astype(np.float32)
    block = max(1, round(max(values.shape[1:]) / _FINE_ENOUGH))
    if block > 1:  # parts of a voxel are found all the same
        n_rows, n_columns = (length // block for length in values.shape[1:])
        whole = values[:, : n_rows * block, : n_columns * block]
        values = whole.reshape(-1, n_rows, block, n_columns, block).mean(axis=(2, 4))
    import SimpleITK

    beyond = _BEYOND if len(values) < FEWEST_SLICES else 0
    found: Any = SimpleITK.GetImageFromArray(
        np.pad(values, ((beyond,) * 2, (0, 0), (0, 0)), mode="edge")
    )
    x, y, z = _spacing(image).tolist()
    found.SetSpacing([x * block, y * block, z])
    found.SetOrigin([x * (block - 1) / 2, y * (block - 1) / 2, -beyond * z])
    return found


def _improved(
    fixed: Image,
    moving: Image,
    start: NDArray[np.float64],
    kind: str,
    progress: _Progress,
    *,
    in_plane: bool,
) -> list[NDArray[np.float64]]:
    """Return a start, the end of the rigid registration from there, and that of the affine one."""
    import SimpleITK

    sitk: Any = SimpleITK
    images = _image(fixed), _image(moving)
    center = [float(one) for one in _center(fixed)]
    few = min(len(fixed.values), len(moving.values)) < _MANY_SLICES
    stages: list[tuple[Any, tuple[int, ...]]] = [(sitk.Euler3DTransform(center), _TURN_IN_PLANE)]
    if not in_plane:
        stages.append((sitk.Euler3DTransform(center), (1,) * 6))
    if kind == "affine":
        stages.append((_affine_about(sitk, center), _STRETCH_IN_PLANE if few else (1,) * 12))
    ends = [start]
    for transform, moves in stages:
        method = sitk.ImageRegistrationMethod()
        method.SetNumberOfThreads(1)  # sums in one order
        method.SetMetricAsCorrelation()
        method.SetMetricSamplingStrategy(method.NONE)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(
            learningRate=_FIRST_STEP_MM, minStep=_LAST_STEP_MM, numberOfIterations=_ITERATIONS,
            relaxationFactor=0.5, gradientMagnitudeTolerance=1e-12,
        )  # fmt: skip
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetOptimizerWeights([float(one) for one in moves])
        levels = _levels(fixed, moving)
        method.SetShrinkFactorsPerLevel([factor for factor, _ in levels])
        method.SetSmoothingSigmasPerLevel([sigma for _, sigma in levels])
        method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
        method.SetMovingInitialTransform(_as_transform(sitk, ends[-1]))
        method.SetInitialTransform(transform, inPlace=False)
        found = progress.run(method, *images)
        if found is None:
            break
        ends.append(ends[-1] @ _as_matrix(found))
    return ends


def _levels(fixed: Image, moving: Image) -> list[tuple[int, float]]:
    smallest = min(*fixed.values.shape, *moving.values.shape)
    if smallest < _LEAST_VOXELS:  # few slices cannot be shrunk
        return [(1, sigma) for _, sigma in _SHRINK[1:]]
    return [(f, sigma) for f, sigma in _SHRINK if smallest // f >= _LEAST_VOXELS // 2]


def _affine_about(sitk: Any, center: list[float]) -> Any:
    found = sitk.AffineTransform(3)
    found.SetCenter(center)
    return found


def _as_transform(sitk: Any, matrix: NDArray[np.float64]) -> Any:
    found = sitk.AffineTransform(3)
    found.SetMatrix(matrix[:3, :3].ravel().tolist())
    found.SetTranslation(matrix[:3, 3].tolist())
    return found


def _as_matrix(transform: Any) -> NDArray[np.float64]:
    """Return the matrix of a linear transform, by where it sends the origin and the axes."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    axes = [np.array(transform.TransformPoint(tuple(one))) - origin for one in np.eye(3).tolist()]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.array(axes).T, origin
    return matrix


def _correlation(fixed: Image, moving: Image, matrix: NDArray[np.float64]) -> float:
    """Return the correlation over the voxels of the fixed image that the moving one covers."""
    from scipy.ndimage import map_coordinates

    z, y, x = np.indices(fixed.values.shape).reshape(3, -1)
    points = np.stack([x, y, z, np.ones_like(x)]).astype(np.float64)
    scaled = np.diag([*_spacing(fixed), 1.0])
    back = np.diag([*(1.0 / _spacing(moving)), 1.0])
    at = (back @ matrix @ scaled @ points)[:3]
    if len(moving.values) == 1:
        at[2] = np.where(np.abs(at[2]) < 0.5, 0.0, np.nan)
    inside = np.all((at >= -1e-6) & (at <= np.array(moving.values.shape[::-1])[:, None] - 1 + 1e-6),
                    axis=0)  # fmt: skip
    if inside.sum() < 2:
        return float("nan")
    values = np.nan_to_num(fixed.values).ravel()[inside]
    others = map_coordinates(np.nan_to_num(moving.values), at[::-1][:, inside], order=1)
    if values.std() == 0 or others.std() == 0:
        return float("nan")
    return float(np.corrcoef(values, others)[0, 1])
