"""Several series at once: files and folders to reconstruct, each with a name of its own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import MRFInputError
from napari_mrf.io.bids.dataset import find_bids_series, is_dataset
from napari_mrf.io.dicom.files import dicom_among, holds_dicom, is_dicom_folder
from napari_mrf.io.formats import metaimage, nifti_header, numpy_files
from napari_mrf.io.formats.gzip_cache import GZIP_MAGIC, HEAD_BYTES, unpack_head
from napari_mrf.io.formats.registry import FORMATS, stem_of, suffix_of
from napari_mrf.io.raw.reader import FORMATS as RAW_FORMATS
from napari_mrf.io.raw.reader import is_raw
from napari_mrf.io.raw.sidecar import load_raw_sidecar
from napari_mrf.io.series.pairs import part_by_name
from napari_mrf.io.series.sidecar import load_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_mrf.io.formats.registry import Format

_SECOND_PARTS = {"phase", "imaginary"}


def find_series(paths: Iterable[str | Path], *, axes: str | None = None) -> dict[str, Path]:
    """Return the series files among files and folders, by name.

    A folder stands for the series and raw files directly in it; the second halves of pairs
    (phase, imaginary), trajectories and hidden files are passed over, and so are volumes without
    time, such as label maps, masks, B1 maps and parameter maps. The DICOM files in a folder, or
    in folders below it where there is nothing else, are one series: the folder itself. A data set
    of BIDS stands for the series of all its subjects.

    Parameters
    ----------
    paths : iterable of str or Path
        Files are taken as they are, whatever they are called.
    axes : str, optional
        The order of the axes that the series will be read with.

    Returns
    -------
    dict of str to Path
        In the order given, folders sorted; the names are those of the files, or of their folders
        where files share one (``s1/series.nii``, ``s2/series.nii``).

    Raises
    ------
    MRFInputError
        ``"no-series"`` for a folder without series, ``"same-name"`` when two files would be
        written to the same place all the same.
    """
    return series_and_remarks(paths, axes=axes)[0]


def series_and_remarks(
    paths: Iterable[str | Path], *, axes: str | None = None
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Return what `find_series` does, and in sentences what was left aside and how named."""
    series: list[Path] = []
    remarks: list[str] = []
    for path in map(Path, paths):
        files = [path]
        if path.is_dir() and is_dataset(path):
            files = [one.path for one in find_bids_series(path)]
        elif path.is_dir():
            files, volumes = _sorted_out(path, axes)
            of_dicom = is_dicom_folder(path) or (not files and not volumes and holds_dicom(path))
            files += [path] if of_dicom else []
            aside = ", ".join(file.name for file in volumes)
            if not files:
                raise MRFInputError(
                    "no-series",
                    "the folder contains no series",
                    path=path,
                    expected="images over time in "
                    + ", ".join(_suffixes(FORMATS))
                    + "; raw data in "
                    + ", ".join(_suffixes(RAW_FORMATS))
                    + "; DICOM",
                    found=f"single volumes: {aside}" if aside else None,
                )
            if aside:
                remarks.append(f"Left aside in {path}, being single volumes without time: {aside}.")
        series += files
    stems = [stem_of(file) for file in series]
    folders = [file.resolve().parent.name for file in series]
    if _all_differ(stems) or not _all_differ(folders):
        return _by_name(stems, series), tuple(remarks)
    remarks.append("Several series have one name, so each is named by its folder: "
                   f"{', '.join(folders)}.")  # fmt: skip
    return _by_name(folders, series), tuple(remarks)


def _all_differ(names: list[str]) -> bool:
    return len(set(names)) == len(names)


def _by_name(names: list[str], series: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, file in zip(names, series, strict=True):
        if name in found:
            raise MRFInputError(
                "same-name",
                f"two series have the name {name}",
                path=file,
                found=str(found[name]),
                hint="Reconstruct them into separate folders.",
            )
        found[name] = file
    return found


def _suffixes(formats: Iterable[Format[Any]]) -> list[str]:
    return sorted({suffix for known in formats for suffix in known.suffixes})


def _sorted_out(folder: Path, axes: str | None) -> tuple[list[Path], list[Path]]:
    """Return the series in a folder, and the volumes that are none."""
    of_series, of_raw = _suffixes(FORMATS), _suffixes(RAW_FORMATS)
    files = [one for one in sorted(folder.iterdir())
             if not one.name.startswith(".") and one.is_file()]  # fmt: skip
    passed = _trajectories(files) | {file.name for file in dicom_among(folder)}
    series, volumes = [], []
    for file in files:
        if file.name in passed:
            continue
        if suffix_of(file) not in of_series:
            if suffix_of(file) in of_raw and _may_be_raw(file):
                series.append(file)
        elif _is_volume(file, axes):
            volumes.append(file)
        elif part_by_name(file) not in _SECOND_PARTS:
            series.append(file)
    return series, volumes


def _trajectories(files: list[Path]) -> set[str]:
    """Return the names of files that hold the trajectory of others, by sidecars and for BART."""
    found = {file.name for file in files if file.suffix.lower() == ".cfl"
             and f"_{file.stem}".endswith("_traj")}  # fmt: skip
    for file in files:
        with suppress(MRFInputError):  # told where the file is read
            block = load_raw_sidecar(file)
            if block is not None and block.Trajectory is not None:
                found |= {block.Trajectory, f"{block.Trajectory}.cfl"}
    return found


def _may_be_raw(file: Path) -> bool:
    """Return whether a file is raw data; what cannot be read counts as such."""
    if file.suffix.lower() == ".hdr" and file.with_suffix(".cfl").is_file():
        return False  # one of the two files of an array
    try:
        return is_raw(file)
    except MRFInputError:
        return True


def _is_volume(file: Path, axes: str | None) -> bool:
    """Return whether a file is of three axes, and nobody says that one of them is time.

    What cannot be read counts as a series: reading it says what is wrong.
    """
    if axes is not None and len(axes) == 3:
        return False
    try:
        n_axes, is_complex_array = _seen(file)
        if n_axes > 3 or is_complex_array:
            return False
        sidecar = load_sidecar(file)
    except (MRFInputError, OSError):
        return False
    block = sidecar.block if sidecar else None
    return block is None or block.AxisOrder is None


def _seen(file: Path) -> tuple[int, bool]:
    """Return how many axes a NIfTI, MetaImage or .npy file has, and whether it is a complex array.

    Arrays in other files count as series: they have no names by which they would be taken for
    label maps, masks or maps.
    """
    with file.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
        if numpy_files.matches(head, file):
            opened.seek(0)
            shape, _, dtype = numpy_files.read_header(opened, file, file.stat().st_size)
            return len(shape), dtype.kind == "c" and len(shape) == 3
    if metaimage.matches(head, file):
        return len(metaimage.parse_header(head, file).shape), False
    if head.startswith(GZIP_MAGIC):
        head = unpack_head(file)
    if not nifti_header.matches(head, file):
        return 4, False
    return len(nifti_header.read_header(head, file).shape), False
