"""Folders of maps, one or one per subject, and the label maps that go with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.text_files import read_error
from napari_mrf.errors import MRFInputError
from napari_mrf.io.bids.scans import Scan, find_scans, find_segmentation, scan_at
from napari_mrf.io.formats.registry import stem_of
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.formats.volume import VOLUME_SUFFIXES
from napari_mrf.io.maps.writer import RECORD_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SINGLE = ""
"""The name under which `find_maps` returns a folder that holds maps itself."""

LABEL_NAMES = ("labels", "rois")
"""Name of a label map inside the folder of a subject."""


def find_maps(path: str | Path) -> dict[str, Path]:
    """Return the folders of maps that a folder stands for, by subject.

    Parameters
    ----------
    path : str or Path
        A folder with ``maps.json`` or with plain maps (``FF.nii.gz``, ``T1H2O.nii``), or a
        folder with such folders in it, one per subject; a data set of BIDS or ORMIR-MIDS, a
        folder of a subject or session in it, or one of the maps of a scan.

    Returns
    -------
    dict of str to Path
        ``{SINGLE: path}`` for a folder with maps; else the subfolders that hold maps, sorted
        by name. Scans of a data set by their names (``sub-01_ses-1``), each as its folder, or
        as one of its maps where a folder holds several.

    Raises
    ------
    MRFInputError
        ``"missing-folder"``, ``"no-maps"``, ``"doubled-map"``.
    """
    folder = Path(path)
    if folder.is_file() and named_scan(folder) is not None:
        return {SINGLE: folder}
    if not folder.is_dir():
        raise MRFInputError("missing-folder", "the folder of maps does not exist", path=folder)
    if _holds_maps(folder):
        return {SINGLE: folder}
    try:
        subjects = [one for one in sorted(folder.iterdir()) if one.is_dir()]
    except OSError as error:
        raise read_error(error, folder) from error
    found = {one.name: one for one in subjects if _holds_maps(one)}
    if not found:
        scans = find_scans(folder)
        if [scan.path for scan in scans.values()] == [folder]:
            return {SINGLE: folder}
        found = {name: scan.path for name, scan in scans.items()}
    if not found:
        raise MRFInputError("no-maps", "the folder contains no parameter maps, and no folder of a "
                            "subject that does", path=folder,
                            expected=f"{RECORD_NAME}, or files such as FF.nii.gz, here or one "
                            "folder below; or a data set of BIDS or ORMIR-MIDS")  # fmt: skip
    return found


def named_scan(path: Path) -> Scan | None:
    """Return the scan of BIDS or ORMIR-MIDS that a path stands for, None where it is none.

    Raises
    ------
    MRFInputError
        As `scan_at`.
    """
    if not path.exists() or (path.is_dir() and _holds_maps(path)):
        return None
    return scan_at(path)


def find_all_maps(paths: Sequence[str | Path]) -> dict[str, Path]:
    """Return the folders of maps that several folders stand for, by subject.

    Parameters
    ----------
    paths : sequence of str or Path
        Each as in `find_maps`. A single folder with maps is `SINGLE`; of several, each is
        called by the last part of its path in which they differ, ``sub-01`` for
        ``sub-01/maps`` beside ``sub-02/maps``. Subjects of a cohort keep the names of their
        folders.

    Returns
    -------
    dict of str to Path
        In the order of the paths.

    Raises
    ------
    MRFInputError
        ``"same-name"`` when two folders would have one name, and the codes of `find_maps`.
    """
    found = [find_maps(path) for path in paths]
    if len(found) == 1:
        return found[0]
    singles = [one[SINGLE].resolve() for one in found if SINGLE in one]
    names = dict(zip(singles, telling_names(singles), strict=True))
    by_subject: dict[str, Path] = {}
    for one in found:
        for subject, folder in one.items():
            name = subject or names[folder.resolve()]
            if name in by_subject:
                raise MRFInputError("same-name", f"two folders of maps share the name {name}",
                                    path=folder, found=str(by_subject[name]),
                                    hint="Name each folder after its subject; give it only once."
                                    )  # fmt: skip
            by_subject[name] = folder
    return by_subject


def telling_names(folders: Sequence[Path]) -> list[str]:
    """Return short names that tell folders apart, in their order.

    The last part of the paths in which all differ; else the shortest ends of the paths that
    differ (``b/maps``). Folders given twice keep one name.
    """
    paths = [folder.resolve() for folder in folders]
    depths = range(1, min((len(path.parts) for path in paths), default=0) + 1)
    parts = [[path.parts[-depth] for path in paths] for depth in depths]
    ends = [["/".join(path.parts[-depth:]) for path in paths] for depth in depths]
    n_different = len(set(paths))
    for names in (*parts, *ends):
        if len(set(names)) == n_different:
            return names
    return [str(path) for path in paths]


def file_sums(folder: str | Path) -> dict[str, str]:
    """Return the sha256 of the parameter maps in a folder and of its record, by file name."""
    folder = Path(folder)
    if (scan := named_scan(folder)) is not None:
        files = [file for key, (file, _) in scan.files.items() if key in PARAMETERS]
        files += [] if scan.record is None else [scan.record]
        return {file.name: sha256_of(file) for file in files}
    names = [f"{key}{suffix}" for key in PARAMETERS for suffix in VOLUME_SUFFIXES]
    return {
        name: sha256_of(folder / name)
        for name in (*names, RECORD_NAME)
        if (folder / name).is_file()
    }


def find_label_maps(path: str | Path, subjects: Iterable[str]) -> dict[str, Path]:
    """Return the label map of every subject that has one.

    Parameters
    ----------
    path : str or Path
        A label map, for one subject; or a folder. In a folder the label map of the subject
        ``S`` is the first that exists of ``S.nii.gz``, ``S/labels.nii.gz`` and
        ``S/rois.nii.gz`` (or ``.nii``, ``.mha``, ``.mhd``); for `SINGLE` it is ``labels.nii.gz`` or
        ``rois.nii.gz`` in the folder. In a data set of BIDS it is ``…_desc-muscles_dseg`` of
        the scan, or the only ``…_dseg``.
    subjects : iterable of str
        Names, or `SINGLE`.

    Raises
    ------
    MRFInputError
        ``"missing-file"`` where there is nothing, ``"one-label-map"`` for a single label map
        and several subjects, ``"no-label-maps"`` for a folder without any that fits.
    """
    path, subjects = Path(path), list(subjects)
    if not path.exists():
        raise MRFInputError("missing-file", "the label map does not exist", path=path)
    if path.is_file():
        if subjects != [SINGLE]:
            raise MRFInputError("one-label-map", "one label map cannot belong to several subjects",
                                path=path, expected="a folder with one label map per subject",
                                found="a file")  # fmt: skip
        return {SINGLE: path}
    found = {}
    for subject in subjects:
        stems = [path / subject / name for name in LABEL_NAMES]
        if subject != SINGLE:
            stems.insert(0, path / subject)
        candidates = [
            stem.with_name(stem.name + suffix) for stem in stems for suffix in VOLUME_SUFFIXES
        ]
        label_map = next((one for one in candidates if one.is_file()), None)
        label_map = label_map or find_segmentation(path, subject)
        if label_map is not None:
            found[subject] = label_map
    if not found:
        example = next((subject for subject in subjects if subject != SINGLE), "")
        expected = f"{example}.nii.gz or {example}/labels.nii.gz" if example else "labels.nii.gz"
        expected += ", or a data set with …_dseg.nii.gz"
        raise MRFInputError("no-label-maps", "the folder contains no label map of the subjects",
                            path=path, expected=expected)  # fmt: skip
    return found


def label_table_beside(label_map: Path) -> Path | None:
    """Return the names beside a label map: ``.txt`` of ITK-SNAP or ``.tsv`` of BIDS, or None."""
    tables = [label_map.with_name(f"{stem_of(label_map)}{end}") for end in (".txt", ".tsv")]
    return next((table for table in tables if table.is_file()), None)


def _holds_maps(folder: Path) -> bool:
    if (folder / RECORD_NAME).is_file():
        return True
    return any(
        (folder / f"{key}{suffix}").is_file() for key in PARAMETERS for suffix in VOLUME_SUFFIXES
    )
