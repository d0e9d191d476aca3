"""The work of carrying regions from another scan, in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.geometry import grid_difference
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Step, in_steps
from napari_mrf.plugin.layers.closeup.mean_view import slice_mean
from napari_mrf.plugin.regions.carried import Proposal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.analysis.registration.register import Image
    from napari_mrf.data.label import Label
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.layers.regions import RegionGrid
    from napari_mrf.plugin.session import MapsSet, Regions

MAGNITUDE = "magnitude"


@dataclass(frozen=True, eq=False)
class Scan:
    """A subject of the window: what may be registered.

    Parameters
    ----------
    name : str
        In words for the user.
    series : MRFSeries or None
        Its series.
    maps_sets : tuple of MapsSet
        Its complete maps, oldest first.
    regions : Regions or None
        What is drawn on it.
    """

    name: str
    series: MRFSeries | None
    maps_sets: tuple[MapsSet, ...]
    regions: Regions | None = None


@dataclass(frozen=True)
class LabelFiles:
    """A label map of another scan, and an image or a map of that scan on the same grid."""

    labels: str
    image: str

    @property
    def name(self) -> str:
        """The file of the labels, in words for the user."""
        return Path(self.labels).name


@dataclass(frozen=True, eq=False)
class CarryTask:
    """What is asked for.

    Parameters
    ----------
    subject : str
        Key of the subject that may take the regions.
    target : Scan
        That subject.
    grid : RegionGrid
        Its grid to draw on.
    source : Scan or LabelFiles
        Where the regions come from.
    kind : {"affine", "rigid"}
        Of the registration.
    """

    subject: str
    target: Scan
    grid: RegionGrid
    source: Scan | LabelFiles
    kind: str


@dataclass(frozen=True, eq=False)
class _Drawn:
    labels: NDArray[Any]
    affine: NDArray[np.float64] | None
    table: Mapping[int, Label]
    record: dict[str, Any]


def carry_regions(task: CarryTask) -> Generator[Step, None, tuple[str, Proposal]]:
    """Lay the two scans over each other in steps; return whose proposal it is, and the proposal.

    Raises
    ------
    MRFInputError
        ``"no-common-map"``, ``"bad-image"`` without geometry, ``"bad-labels"``, and what reading
        and registering raise.
    """
    from napari_mrf.analysis.registration.carry import carry_values
    from napari_mrf.analysis.registration.register import check_installed

    check_installed()
    if isinstance(task.source, LabelFiles):
        yield Step(detail="reading the files")
        fixed, moving, by, drawn = yield from _from_files(task, task.source)
    else:
        fixed, moving, by = yield from _images(task.target, task.grid, task.source)
        drawn = _drawn_in(task.source)
    if drawn.affine is None:
        raise MRFInputError("bad-image", f"{task.source.name} does not say where it lies")
    affine = drawn.affine

    def carry(progress: Callable[..., None]) -> Any:
        return carry_values(drawn.labels, affine, fixed, moving, kind=task.kind,
                            progress=progress)  # fmt: skip

    carried = yield from in_steps(carry, f"laying the scans over each other by {by}")
    record = carried.record({**drawn.record, "by": by}, _scan_record(task.target))
    return task.subject, Proposal(carried, task.grid, drawn.table, task.source.name, by, record)


def _images(
    target: Scan, grid: RegionGrid, source: Scan
) -> Generator[Step, None, tuple[Image, Image, str]]:
    """Return the images of two scans: a map of both, else the magnitudes of their series."""
    from napari_mrf.analysis.registration.carry import MAPS

    for key in MAPS:
        maps = _fullest(target, key, grid), _fullest(source, key)
        if None not in maps:
            own, other = (_map_image(one, key) for one in maps if one is not None)
            return own, other, key
    if target.series is None or source.series is None:
        raise MRFInputError(
            "no-common-map", f"{target.name} and {source.name} have no map to compare them by",
            expected=f"{', '.join(MAPS)}, or the series of both",
            hint="Reconstruct both with one method.",
        )  # fmt: skip
    own = yield from _magnitude(target.series, target.name)
    other = yield from _magnitude(source.series, source.name)
    return own, other, MAGNITUDE


def _from_files(
    task: CarryTask, files: LabelFiles
) -> Generator[Step, None, tuple[Image, Image, str, _Drawn]]:
    """Return the images and what is drawn in a label map; its image says what is registered."""
    from napari_mrf.analysis.registration.carry import MAPS
    from napari_mrf.analysis.registration.register import Image
    from napari_mrf.io import load_label_table, load_labels
    from napari_mrf.io.formats.source import sha256_of
    from napari_mrf.io.formats.volume import read_volume
    from napari_mrf.io.labels.label_table import names_path

    image = read_volume(Path(files.image))
    if image.affine is None or image.values.ndim != 3:
        raise MRFInputError("bad-image", "regions are carried by an image in space",
                            path=files.image, expected="(Z, Y, X) with its geometry",
                            found=f"shape {image.values.shape}")  # fmt: skip
    moving = Image(np.abs(image.values), image.affine)
    z, y, x = image.values.shape
    labels = load_labels(files.labels, (z, y, x), image.affine)
    if labels.values.max(initial=0) > 65535:
        raise MRFInputError("bad-labels", "label numbers above 65535 are not supported",
                            path=files.labels, found=str(labels.values.max()))  # fmt: skip
    names = names_path(files.labels)
    table = load_label_table(names) if names.is_file() else {}
    record = {"labels": files.labels, "labels_sha256": labels.sha256, "image": files.image,
              "image_sha256": sha256_of(Path(files.image))}  # fmt: skip
    drawn = _Drawn(labels.values, labels.affine, table, record)
    key = Path(files.image).name.partition(".")[0]
    maps = _fullest(task.target, key, task.grid) if key in MAPS else None
    if maps is not None:
        return _map_image(maps, key), moving, key, drawn
    if key in MAPS or task.target.series is None:
        what = key if key in MAPS else "series"
        raise MRFInputError("no-common-map", f"{task.target.name} has no {what} to compare with "
                            f"{Path(files.image).name}")  # fmt: skip
    fixed = yield from _magnitude(task.target.series, task.target.name)
    return fixed, moving, MAGNITUDE, drawn


def _drawn_in(scan: Scan) -> _Drawn:
    regions = scan.regions
    if regions is None:
        raise MRFInputError("bad-labels", f"nothing is drawn on {scan.name}")
    record = {**_scan_record(scan), "labels": regions.path or "drawn, not saved yet"}
    if regions.carried is not None:  # from a third scan
        record["carried"] = dict(regions.carried)
    return _Drawn(regions.labels, regions.affine, regions.table, record)


def _scan_record(scan: Scan) -> dict[str, Any]:
    series = scan.series
    file = {} if series is None else {"path": series.source_path, "sha256": series.source_sha256}
    return {"scan": scan.name, "series": file}


def _fullest(scan: Scan, key: str, grid: RegionGrid | None = None) -> MapsSet | None:
    """Return the maps of which most voxels have a value, the youngest of several; on the grid."""
    found = [
        one for one in scan.maps_sets
        if key in one.maps and one.maps.affine is not None
        and (grid is None or not grid_difference(one.maps, grid))
    ]  # fmt: skip
    return max(reversed(found), key=lambda one: int(np.isfinite(one.maps[key]).sum()), default=None)


def _map_image(maps_set: MapsSet, key: str) -> Image:
    from napari_mrf.analysis.registration.register import Image

    maps = maps_set.maps
    return Image(np.asarray(maps[key]), np.asarray(maps.affine))


def _magnitude(series: MRFSeries, name: str) -> Generator[Step, None, Image]:
    """Return the mean magnitude over frames, slice by slice."""
    from napari_mrf.analysis.registration.register import Image

    if series.affine is None:
        raise MRFInputError("bad-image", f"{name} does not say where it lies")
    found = np.full(series.spatial_shape, np.nan, np.float32)
    for z in range(len(found)):
        for values in slice_mean(series, z):
            if values is not None:
                found[z] = values
            yield Step(detail=f"mean of the frames of {name}")
    return Image(found, series.affine)
