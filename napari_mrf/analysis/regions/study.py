"""Statistics of the regions of one or several subjects, from folders on the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_mrf.analysis.images.unit_checks import check_units
from napari_mrf.analysis.provenance import check_made_alike, mixed_texts
from napari_mrf.analysis.regions.statistics import roi_statistics
from napari_mrf.data.coverage import coverage_notes
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.labels.label_maps import load_labels
from napari_mrf.io.labels.label_table import load_label_table
from napari_mrf.io.maps.folders import (
    SINGLE,
    file_sums,
    find_all_maps,
    find_label_maps,
    label_table_beside,
)
from napari_mrf.io.maps.reader import load_maps, load_provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.data.label import Label


@dataclass(frozen=True, eq=False)
class SubjectStatistics:
    """The statistics of one subject, and where they come from.

    Parameters
    ----------
    subject : str
        Name, or `SINGLE` where there is one set of maps only.
    statistics : pandas.DataFrame
        Of `roi_statistics`.
    keys : tuple of str
        The maps that were measured.
    record : mapping
        JSON-ready: paths and sha256 of maps, labels and names; ``series`` where it is known.
    warnings : tuple of str
        Sentences a user should read.
    """

    subject: str
    statistics: pd.DataFrame
    keys: tuple[str, ...]
    record: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoiStudy:
    """Maps and label maps that belong together.

    Parameters
    ----------
    folders : mapping of str to Path
        Folder of maps by subject.
    label_maps : mapping of str to Path
        By subject.
    label_table : Path or None
        ITK-SNAP label file; that beside a label map where None.
    resample : {"nearest"} or None
        What to do with labels on another grid; None refuses them.
    warnings : tuple of str
        Who was left out, and why; how the maps were made, where that differs or is not known.
    allow_mixed : bool
        Whether maps that were made in different ways are taken together.
    mixed : mapping of str to str
        How the maps of each subject were made, as far as that differs.
    """

    folders: Mapping[str, Path]
    label_maps: Mapping[str, Path]
    label_table: Path | None = None
    resample: Literal["nearest"] | None = None
    warnings: tuple[str, ...] = ()
    allow_mixed: bool = False
    mixed: Mapping[str, str] = field(default_factory=dict)

    def measure(self, subject: str, options: RoiOptions) -> SubjectStatistics:
        """Read the maps and labels of a subject and return its statistics.

        Raises
        ------
        MRFInputError
            ``"other-grid"`` for labels on another grid, ``"unit-conflict"`` for maps that are
            not in ms, Hz and fractions (the validity rules look at FF), and what the readers
            raise.
        """
        folder, label_path = self.folders[subject], self.label_maps[subject]
        maps = load_maps(folder)
        notes = check_units(maps, what=f"the maps in {folder}")
        labels = load_labels(label_path, maps.spatial_shape, maps.affine, resample=self.resample)
        record: dict[str, Any] = {
            "maps": {"path": str(folder), "sha256": file_sums(folder)},
            "labels": {
                "path": str(label_path),
                "sha256": labels.sha256,
                "resampled": "nearest" if labels.resampled else None,
            },
        }
        if self.mixed.get(subject):
            record["mixed"] = self.mixed[subject]
        table: dict[int, Label] = {}
        table_path = self.label_table or label_table_beside(label_path)
        if table_path is not None:
            table = load_label_table(table_path)
            record["label_table"] = {"path": str(table_path), "sha256": sha256_of(table_path)}
        source = maps.provenance.get("input")
        if isinstance(source, dict) and isinstance(source.get("path"), str):
            record["series"] = source["path"]
        names = {index: label.name for index, label in table.items() if index != 0}
        statistics = roi_statistics(maps, labels, names, options=options)
        notes += coverage_notes(maps, "the maps in the regions", labels.values > 0)
        headers = [f"Header of {text}" for text in maps.file_warnings]
        return SubjectStatistics(
            subject, statistics, tuple(maps), record, (*headers, *labels.warnings, *notes)
        )


def find_roi_study(
    maps: Sequence[str | Path],
    rois: str | Path,
    *,
    label_table: str | Path | None = None,
    resample: Literal["nearest"] | None = None,
    allow_mixed: bool = False,
) -> RoiStudy:
    """Find the maps and the label map of every subject.

    Parameters
    ----------
    maps : sequence of str or Path
        See `io.maps_cohort.find_all_maps`.
    rois : str or Path
        A label map for one subject, or a folder; see `io.maps_cohort.find_label_maps`.
    label_table : str or Path, optional
        ITK-SNAP label file with the names; else the file beside a label map that has the same
        name and the suffix ``.txt``, where there is one.
    resample : {"nearest"}, optional
        Take the nearest label of label maps on another grid, which are refused without.
    allow_mixed : bool
        Take maps together that were made in different ways, which are refused without.

    Returns
    -------
    RoiStudy
        Subjects without a label map are left out and named in `warnings`.

    Raises
    ------
    MRFInputError
        The codes of `find_all_maps` and `find_label_maps`, and ``"mixed-provenance"``.
    """
    every = find_all_maps(maps)
    return roi_study(
        every, find_label_maps(rois, every), label_table=label_table, resample=resample,
        allow_mixed=allow_mixed,
    )  # fmt: skip


def roi_study(
    maps: Mapping[str, Path],
    label_maps: Mapping[str, Path],
    *,
    label_table: str | Path | None = None,
    resample: Literal["nearest"] | None = None,
    allow_mixed: bool = False,
) -> RoiStudy:
    """Return the study of subjects whose maps and label maps are known, by subject.

    Other parameters, and what is raised and told, as in `find_roi_study`.
    """
    without = [name for name in maps if name not in label_maps]
    warnings = [f"Left out, as they have no label map: {', '.join(without)}."] if without else []
    folders = {name: folder for name, folder in maps.items() if name in label_maps}
    made = {name: load_provenance(folder) for name, folder in folders.items()}
    warnings += check_made_alike(made, allow_mixed=allow_mixed)
    return RoiStudy(
        folders,
        label_maps,
        None if label_table is None else Path(label_table),
        resample,
        tuple(warnings),
        allow_mixed,
        mixed_texts(made),
    )


def joined(measured: Sequence[SubjectStatistics]) -> pd.DataFrame:
    """Return the statistics of all subjects in one table.

    Returns
    -------
    pandas.DataFrame
        The columns of `roi_statistics` after ``maps``, the name of the folder of maps, and
        before that ``subject`` unless there is one set of maps only; last ``mixed``, how the
        maps were made, where that differs.
    """
    import pandas as pd

    parts = []
    for one in measured:
        part = one.statistics.copy()
        part.insert(0, "maps", Path(one.record["maps"]["path"]).resolve().name)
        if one.subject != SINGLE:
            part.insert(0, "subject", one.subject)
        if any("mixed" in of.record for of in measured):
            part["mixed"] = one.record.get("mixed", "")
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
