"""Two reconstructions of one subject, and the subjects of a study on the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_mrf.analysis.comparison.inclusion import LeftOut
from napari_mrf.analysis.provenance import check_made_alike
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.labels.label_maps import load_labels
from napari_mrf.io.labels.label_table import load_label_table
from napari_mrf.io.labels.masks import read_mask
from napari_mrf.io.maps.folders import (
    SINGLE,
    file_sums,
    find_label_maps,
    find_maps,
    label_table_beside,
)
from napari_mrf.io.maps.reader import load_maps, load_provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.data.maps import ParameterMaps

ONLY_SUBJECT = "1"
"""Name of a single subject without a name."""


@dataclass(frozen=True, eq=False)
class SubjectMaps:
    """Both reconstructions of one subject.

    Parameters
    ----------
    reference, test : ParameterMaps
        On one grid.
    name : str
        Of the subject, the cluster of the repeated-measures limits.
    labels : ndarray of int, optional
        (Z, Y, X) regions of interest, 0 background.
    table : mapping of int to Label
        Names of the regions; those named but not drawn have empty rows.
    mask : ndarray of bool, optional
        (Z, Y, X) voxels to compare; all by default.
    record : mapping
        JSON-ready: where everything came from.
    warnings : tuple of str
        Sentences a user should read.
    """

    reference: ParameterMaps
    test: ParameterMaps
    name: str = ONLY_SUBJECT
    labels: NDArray[Any] | None = None
    table: Mapping[int, Label] = field(default_factory=dict)
    mask: NDArray[np.bool_] | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def region_names(self) -> dict[int, str]:
        """Name by number, without the background."""
        return {index: label.name for index, label in self.table.items() if index != 0}


@dataclass(frozen=True)
class Study:
    """Paths of the maps of one or several subjects.

    Parameters
    ----------
    folders : mapping of str to (Path, Path)
        Reference and test by subject.
    label_maps, masks : mapping of str to Path
        By subject, where there are any.
    label_table : Path or None
        ITK-SNAP label file.
    warnings : tuple of str
        Who was left out, and why.
    resample : {"nearest"} or None
        What to do with labels on another grid; None refuses them.
    left_out : tuple of LeftOut
        The same subjects, for the table of inclusion.
    """

    folders: Mapping[str, tuple[Path, Path]]
    label_maps: Mapping[str, Path]
    masks: Mapping[str, Path]
    label_table: Path | None
    warnings: tuple[str, ...]
    resample: Literal["nearest"] | None = None
    left_out: tuple[LeftOut, ...] = ()

    def load(self, subject: str) -> SubjectMaps:
        """Read the maps, the label map and the mask of a subject.

        Raises
        ------
        MRFInputError
            What the readers raise; the mask must lie on the grid of the reference, and so must
            labels that are not resampled.
        """
        folders = dict(zip(("reference", "test"), self.folders[subject], strict=True))
        maps = {side: load_maps(folder) for side, folder in folders.items()}
        record: dict[str, Any] = {
            side: {
                "path": str(folder),
                "sha256": file_sums(folder),
                "provenance": maps[side].provenance or None,
            }
            for side, folder in folders.items()
        }
        reference = maps["reference"]
        shape, affine = reference.spatial_shape, reference.affine
        labels, mask = None, None
        table: dict[int, Label] = {}
        warnings: list[str] = []
        label_path, mask_path = self.label_maps.get(subject), self.masks.get(subject)
        if label_path is not None:
            loaded = load_labels(label_path, shape, affine, resample=self.resample)
            labels = loaded.values
            record["labels"] = {
                **_file(label_path, loaded.sha256),
                "resampled": "nearest" if loaded.resampled else None,
            }
            warnings += loaded.warnings
            table_path = self.label_table or label_table_beside(label_path)
            if table_path is not None:
                table = load_label_table(table_path)
                record["label_table"] = _file(table_path)
        if mask_path is not None:
            mask, told = read_mask(mask_path, reference)
            warnings += told
            record["mask"] = _file(mask_path)
        return SubjectMaps(
            reference, maps["test"], subject or ONLY_SUBJECT, labels, table, mask, record,
            tuple(warnings),
        )  # fmt: skip


def find_study(
    reference: str | Path,
    test: str | Path,
    *,
    rois: str | Path | None = None,
    label_table: str | Path | None = None,
    mask: str | Path | None = None,
    resample: Literal["nearest"] | None = None,
    allow_mixed: bool = False,
) -> Study:
    """Find the subjects of which there are two reconstructions.

    Parameters
    ----------
    reference, test : str or Path
        Two folders of maps, or two folders with one folder of maps a subject; subjects are
        matched by the names of their folders.
    rois : str or Path, optional
        A label map for one subject, or a folder; see `io.maps_cohort.find_label_maps`.
    label_table : str or Path, optional
        ITK-SNAP label file with the names of the regions. Without it, the file beside a label
        map that has the same name and the suffix ``.txt`` is used where there is one.
    mask : str or Path, optional
        Voxels to compare: a file for one subject, or a folder by the rules of `rois`.
    resample : {"nearest"}, optional
        Take the nearest label of label maps on another grid, which are refused without.
    allow_mixed : bool
        Take maps of one side together that were made in different ways; refused without, before
        any map is read.

    Returns
    -------
    Study

    Raises
    ------
    MRFInputError
        ``"one-and-many"`` for a folder of maps against a folder of subjects,
        ``"no-common-subject"``, ``"mixed-provenance"``, and the codes of `find_maps` and
        `find_label_maps`.
    """
    sides = {"reference": find_maps(reference), "test": find_maps(test)}
    if (SINGLE in sides["reference"]) != (SINGLE in sides["test"]):
        single, many = sorted(sides, key=lambda side: SINGLE not in sides[side])
        raise MRFInputError("one-and-many", f"the {single} is one set of maps and the {many} a "
                            "folder of subjects", path=Path(test),
                            hint="Give two folders of maps, or two folders of subjects."
                            )  # fmt: skip
    return paired_study(
        sides, Path(test), rois=rois, label_table=label_table, mask=mask, resample=resample,
        allow_mixed=allow_mixed,
    )  # fmt: skip


def paired_study(
    sides: Mapping[str, Mapping[str, Path]],
    test_path: Path,
    *,
    label_maps: Mapping[str, Path] | None = None,
    rois: str | Path | None = None,
    label_table: str | Path | None = None,
    mask: str | Path | None = None,
    resample: Literal["nearest"] | None = None,
    allow_mixed: bool = False,
) -> Study:
    """Return the subjects that have maps on both sides.

    Parameters
    ----------
    sides : mapping
        Folders of maps by subject, of ``"reference"`` and ``"test"``.
    test_path : Path
        For messages.
    label_maps : mapping of str to Path, optional
        By subject, where they are known; else they are found in `rois`.
    rois, label_table, mask, resample, allow_mixed
        As in `find_study`, as is what is raised.
    """
    common = [name for name in sides["reference"] if name in sides["test"]]
    if not common:
        raise MRFInputError("no-common-subject", "no subject has maps in both folders",
                            path=test_path, expected=_listed(sides["reference"]),
                            found=_listed(sides["test"]),
                            hint="Give both folders of a subject the same name.")  # fmt: skip
    warnings = [
        f"Left out, as only the {side} has maps of them: {_listed(alone)}."
        for side, other in (("reference", "test"), ("test", "reference"))
        if (alone := [name for name in sides[side] if name not in sides[other]])
    ]
    for side, folders in sides.items():
        made = {name: load_provenance(folders[name]) for name in common}
        check_made_alike(made, side, allow_mixed=allow_mixed)
    if label_maps is None:
        label_maps = {} if rois is None else find_label_maps(rois, common)
    masks = {} if mask is None else find_label_maps(mask, common)
    if label_maps and (without := [name for name in common if name not in label_maps]):
        warnings.append(f"Not in the agreement, as they have no label map: {_listed(without)}.")
    if mask is not None and (without := [name for name in common if name not in masks]):
        raise MRFInputError("no-label-maps", "there is no mask for some subjects", path=Path(mask),
                            found=_listed(without))  # fmt: skip
    return Study(
        folders={name: (sides["reference"][name], sides["test"][name]) for name in common},
        label_maps=label_maps,
        masks=masks,
        label_table=None if label_table is None else Path(label_table),
        warnings=tuple(warnings),
        resample=resample,
        left_out=tuple(
            LeftOut(name, f"only the {side} has maps")
            for side, other in (("reference", "test"), ("test", "reference"))
            for name in sides[side] if name not in sides[other]
        ),
    )  # fmt: skip


def side_names(reference: str | Path, test: str | Path) -> tuple[str, str]:
    """Return the shortest ends of the two paths that tell them apart."""
    first, second = Path(reference).resolve().parts, Path(test).resolve().parts
    for length in range(1, min(len(first), len(second)) + 1):
        if first[-length:] != second[-length:]:
            return "/".join(first[-length:]), "/".join(second[-length:])
    return "reference", "test"


def _listed(names: Any) -> str:
    return ", ".join(name or "(maps)" for name in names)


def _file(path: Path, sha256: str = "") -> dict[str, str]:
    return {"path": str(path), "sha256": sha256 or sha256_of(path)}
