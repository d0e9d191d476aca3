"""Inputs of an inspection: series and maps from the disk, voxels by index, regions by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.images.unit_checks import check_units
from napari_mrf.analysis.inspection.inspect import (
    Inspected,
    is_from,
    region_signals,
    region_trace,
    voxel_trace,
)
from napari_mrf.analysis.inspection.predictor import Predictor
from napari_mrf.analysis.regions.choice import chosen_labels
from napari_mrf.analysis.regions.statistics import region_names, roi_statistics
from napari_mrf.data.coverage import coverage_notes
from napari_mrf.data.geometry import check_same_grid
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.labels.label_maps import load_labels
from napari_mrf.io.labels.label_table import load_label_table
from napari_mrf.io.maps.folders import file_sums, label_table_beside, telling_names
from napari_mrf.io.maps.reader import load_maps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries

Voxel = tuple[int, int, int]
"""(z, y, x) in file order."""


@dataclass(frozen=True, eq=False)
class MapsToInspect:
    """Sets of maps on the grid of a series.

    Parameters
    ----------
    sets : mapping of str to ParameterMaps
        By name.
    predictors : tuple of Predictor
        One a set.
    record : sequence of mapping
        JSON-ready: path and sha256 of each.
    warnings : tuple of str
        Sentences a user should read.
    """

    sets: Mapping[str, ParameterMaps] = field(default_factory=dict)
    predictors: tuple[Predictor, ...] = ()
    record: Sequence[Mapping[str, Any]] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RegionsToInspect:
    """Regions on the grid of a series.

    Parameters
    ----------
    labels : ndarray of int
        (Z, Y, X), the regions asked for alone.
    names : mapping of int to str
        Of these.
    record : mapping
        JSON-ready: path and sha256.
    warnings : tuple of str
        Sentences a user should read.
    """

    labels: NDArray[Any]
    names: Mapping[int, str]
    record: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def load_maps_to_inspect(folders: Sequence[str | Path], series: MRFSeries) -> MapsToInspect:
    """Read sets of maps, named by the last part of their paths in which they differ.

    Raises
    ------
    MRFInputError
        ``"same-name"`` for a folder given twice, ``"other-grid"`` for maps that lie elsewhere
        than the series, ``"unit-conflict"``, and what `load_maps` raises.
    """
    paths = [Path(folder) for folder in folders]
    sets: dict[str, ParameterMaps] = {}
    predictors, record, notes = [], [], []
    for path, name in zip(paths, telling_names(paths), strict=True):
        if name in sets:
            raise MRFInputError("same-name", "the folder of maps is given twice", path=path)
        maps = load_maps(path)
        check_same_grid(maps, series, "the maps lie on another grid than the series", path=path)
        notes += check_units(maps, what=f"the maps in {path}")
        predictor = Predictor.of(name, maps, series, is_own_series=bool(is_from(maps, series)))
        sets[name] = maps
        notes += [f"{name}, header of {text}" for text in maps.file_warnings]
        predictors.append(predictor)
        record.append(
            {
                "name": name,
                "path": str(path),
                "sha256": file_sums(path),
                "from_this_series": is_from(maps, series),
                "remark": predictor.obstacle or predictor.note or None,
            }
        )
    return MapsToInspect(sets, tuple(predictors), record, tuple(notes))


def check_voxels(voxels: Sequence[Voxel], series: MRFSeries) -> list[Voxel]:
    """Return the voxels, each once.

    Raises
    ------
    MRFInputError
        ``"bad-voxel"`` for one outside the series.
    """
    shape = series.spatial_shape
    for voxel in voxels:
        if not all(0 <= index < n for index, n in zip(voxel, shape, strict=True)):
            ranges = ", ".join(f"{axis} 0-{n - 1}" for axis, n in zip("zyx", shape, strict=True))
            raise MRFInputError("bad-voxel", f"the voxel {voxel} is outside the series",
                                expected=ranges,
                                hint="Indices are in the order of the file, (z, y, x), counted "
                                "from 0.")  # fmt: skip
    return list(dict.fromkeys(voxels))


def load_regions_to_inspect(
    path: str | Path,
    series: MRFSeries,
    *,
    label_table: str | Path | None = None,
    asked: Sequence[str] = (),
) -> RegionsToInspect:
    """Read regions and pick those that are asked for.

    Parameters
    ----------
    path : str or Path
        NIfTI label map on the grid of the series.
    series : MRFSeries
        The grid.
    label_table : str or Path, optional
        ITK-SNAP label file; else the ``.txt`` of the same name beside the label map.
    asked : sequence of str
        Names or numbers; every region that is drawn by default.

    Raises
    ------
    MRFInputError
        ``"bad-region"`` for a region that is not there or a name of several, and what the
        readers raise, ``"other-grid"`` among it.
    """
    path = Path(path)
    loaded = load_labels(path, series.spatial_shape, series.affine)
    record: dict[str, Any] = {"path": str(path), "sha256": loaded.sha256}
    table_path = label_table_beside(path) if label_table is None else Path(label_table)
    names: dict[int, str] = {}
    if table_path is not None:
        names = {index: one.name for index, one in load_label_table(table_path).items() if index}
        record["label_table"] = {"path": str(table_path), "sha256": sha256_of(table_path)}
    drawn = [int(label) for label in np.unique(loaded.values) if label]
    names = region_names(loaded.values, names)
    chosen = chosen_labels(asked, names, path) if asked else drawn
    labels = np.where(np.isin(loaded.values, chosen), loaded.values, 0)
    return RegionsToInspect(
        labels, {label: names[label] for label in chosen}, record, loaded.warnings
    )


def inspect_voxels(
    series: MRFSeries, voxels: Sequence[Voxel], predictors: Sequence[Predictor]
) -> Iterator[Inspected]:
    """Yield every voxel with its fingerprint and predictions; real series are refused."""
    series.check_complex()
    for voxel in voxels:
        yield Inspected(voxel_trace(voxel, series.fingerprint(*voxel), predictors), voxel=voxel)


def inspect_regions(
    series: MRFSeries, regions: RegionsToInspect, predictors: Sequence[Predictor]
) -> Iterator[Inspected]:
    """Yield every region with its mean fingerprint and predictions; real series are refused."""
    series.check_complex()
    for label, signals in region_signals(series, regions.labels, list(regions.names)).items():
        yield Inspected(region_trace(regions.names[label], signals, predictors), label=label)


def region_notes(maps: MapsToInspect, regions: RegionsToInspect) -> list[str]:
    """Return which voxels of the regions a set of maps does not cover, in sentences."""
    drawn = regions.labels > 0
    return [
        note
        for name, one in maps.sets.items()
        for note in coverage_notes(one, f"the maps {name} in the regions", drawn)
    ]


def region_values(maps: MapsToInspect, regions: RegionsToInspect) -> pd.DataFrame:
    """Return the statistics of the regions in every set of maps, after the column ``maps``."""
    import pandas as pd

    parts = []
    for name, one in maps.sets.items():
        part = roi_statistics(one, regions.labels, regions.names)
        part.insert(0, "maps", name)
        parts.append(part[part["scope"] == "pooled"])
    return pd.concat(parts, ignore_index=True)
