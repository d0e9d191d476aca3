"""Regions in the scans of a data set: their label maps, else all voxels with a value."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_mrf.analysis.provenance import check_made_alike, mixed_texts
from napari_mrf.analysis.regions.study import RoiStudy
from napari_mrf.errors import MRFInputError
from napari_mrf.io.bids.scans import find_foreground, find_scans, find_segmentation, is_foreground
from napari_mrf.io.maps.reader import load_provenance

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.analysis.regions.study import SubjectStatistics
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.io import Regions

FOREGROUND = "foreground"
"""Name of the region of all voxels with a value."""


def find_scan_study(
    dataset: Path,
    subjects: tuple[str, ...] = (),
    sessions: tuple[str, ...] = (),
    *,
    allow_mixed: bool = False,
) -> RoiStudy:
    """Find the maps of all scans of a data set, and their label maps.

    Parameters
    ----------
    dataset : Path
        Of derivatives.
    subjects, sessions : tuple of str
        Labels without ``sub-`` and ``ses-``; all where there are none.
    allow_mixed : bool
        Take maps together that were made in different ways, which are refused without.

    Returns
    -------
    RoiStudy
        Where no scan has a label map, all are measured over their masks ``desc-fg``. Where some
        have, those without are left out and named.

    Raises
    ------
    MRFInputError
        ``"missing-folder"``, ``"no-maps"``, ``"no-label-maps"``, ``"mixed-provenance"`` and the
        codes of `find_scans`.
    """
    if not dataset.is_dir():
        raise MRFInputError("missing-folder", "the data set does not exist", path=dataset)
    scans = {
        name: scan
        for name, scan in find_scans(dataset).items()
        if _asked_for(name, "sub", subjects) and _asked_for(name, "ses", sessions)
    }
    asked = [f"sub-{label}" for label in subjects] + [f"ses-{label}" for label in sessions]
    missing = [word for word in asked if not any(word in name.split("_") for name in scans)]
    if missing or not scans:
        raise MRFInputError("no-maps", "the data set contains no maps of some that were asked for"
                            if missing else "the data set contains no maps", path=dataset,
                            found=f"none of {', '.join(missing)}" if missing else None,
                            hint="Run the participant level first.")  # fmt: skip
    label_maps = {
        name: label_map
        for name in scans
        if (label_map := find_segmentation(dataset, name)) is not None
    } or {
        name: mask for name, scan in scans.items() if (mask := find_foreground(scan)) is not None
    }  # fmt: skip
    if not label_maps:
        raise MRFInputError("no-label-maps", "the scans have neither label maps nor masks",
                            path=dataset, expected="…_desc-muscles_dseg.nii.gz or "
                            "…_desc-fg_mask.nii.gz beside the maps")  # fmt: skip
    without = [name for name in scans if name not in label_maps]
    warnings = [f"Left out, as they have no label map: {', '.join(without)}."] if without else []
    folders = {name: scan.path for name, scan in scans.items() if name in label_maps}
    made = {name: load_provenance(path) for name, path in folders.items()}
    warnings += check_made_alike(made, allow_mixed=allow_mixed)
    return RoiStudy(
        folders, label_maps, warnings=tuple(warnings), allow_mixed=allow_mixed,
        mixed=mixed_texts(made),
    )  # fmt: skip


def measure_scan(study: RoiStudy, name: str, options: RoiOptions) -> SubjectStatistics:
    """Return the statistics of a scan; the region of a mask is called `FOREGROUND`.

    Raises
    ------
    MRFInputError
        As `RoiStudy.measure`.
    """
    measured = study.measure(name, options)
    if not is_foreground(study.label_maps[name]):
        return measured
    return replace(measured, statistics=measured.statistics.assign(name=FOREGROUND))


def _asked_for(scan: str, key: str, labels: tuple[str, ...]) -> bool:
    words = scan.split("_")
    return not labels or any(f"{key}-{label}" in words for label in labels)


def with_statistics(regions: Regions, maps: ParameterMaps) -> Regions:
    """Return regions of a scan with the values of its maps in them, as the text of a table."""
    from napari_mrf.analysis.regions.statistics import roi_statistics
    from napari_mrf.io.tables.table_files import tsv_text

    names = {index: label.name for index, label in regions.table.items() if index != 0}
    return replace(regions, statistics=tsv_text(roi_statistics(maps, regions.labels, names)))
