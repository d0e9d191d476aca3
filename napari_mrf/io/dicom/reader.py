"""DICOM series in: a folder, or one file of it, to the two halves of complex images.

Images are sorted by series and part (magnitude, phase, real, imaginary); two parts that lie in one
place at the same times make a pair. Names of persons are not read, so nothing can pass them on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_mrf.data.geometry import same_place
from napari_mrf.errors import MRFInputError
from napari_mrf.io.dicom.files import dicom_among, dicom_below, digest, is_dicom
from napari_mrf.io.dicom.image import read_images
from napari_mrf.io.dicom.phase import phase_unit, private_scale
from napari_mrf.io.dicom.stack import Stack, StackFrames, stacked
from napari_mrf.io.formats.part_names import PARTNER
from napari_mrf.io.formats.source import Source, choose_error, sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_mrf.io.dicom.image import DicomFile, Image

_PREFERRED = ("real", "magnitude")
_SHORT = {"magnitude": "mag", "phase": "phase", "real": "real", "imaginary": "imag", "": "images"}
_MOST_FILES = 200_000


def matches(head: bytes, path: Path) -> bool:
    """Return whether the first bytes are those of a DICOM file."""
    return is_dicom(head)


def read(path: Path, dataset: str | None = None) -> Source:
    """Read a series: all images in a folder and below, or those a file belongs to.

    Parameters
    ----------
    path : Path
        A folder, or one file of the series.
    dataset : str, optional
        Which series and part, where there are several, such as ``"5+6"`` or ``"7/real"``, by
        the numbers of the series.

    Returns
    -------
    Source
        The first half, with the other one as its partner. Its path is the folder, or the file
        where that holds all.

    Raises
    ------
    MRFInputError
        ``"not-a-file"`` for a folder without DICOM files, ``"no-series"``, ``"bad-dataset"``,
        ``"missing-images"``, ``"doubled-images"``,
        ``"inconsistent-images"``, ``"bad-dicom"``, ``"truncated"``, ``"missing-package"``.
    """
    if path.name in ("", ".."):  # a folder without its name
        path = path.resolve()
    if path.name.upper() == "DICOMDIR":  # the directory of what lies beside and below it
        path = path.parent
    folder = path if path.is_dir() else path.parent
    wanted = None if path.is_dir() else {image.file.series for image in read_images(path)}
    files = list(dicom_below(folder) if wanted is None else dicom_among(folder))
    if not files:
        raise MRFInputError("not-a-file", "this is a folder, and it holds no DICOM file", path=path,
                            hint="Choose a file in it, or a folder of DICOM files.")  # fmt: skip
    images = _read_all(files)
    if not images or wanted == set():
        raise MRFInputError("no-series", "there are no DICOM images of gray values", path=path)
    groups = _groups(images)
    home = _chosen(groups, wanted, dataset, path)
    used = {image.file.pixels.file.path for group in home.groups for image in group.images}
    if path.is_dir() or used != {path.absolute()}:
        path = folder
    return _source(home, path, digest(files) if path == folder else sha256_of(path))


@dataclass(frozen=True)
class _Group:
    """Images of one part of one series."""

    name: str
    part: str
    images: Sequence[Image]

    @property
    def file(self) -> DicomFile:
        """That of the first image."""
        return self.images[0].file


@dataclass(frozen=True)
class _Home:
    """What can be read as one series: two parts, or one alone."""

    name: str
    groups: tuple[_Group, ...]

    @property
    def array_names(self) -> tuple[str, ...]:
        """How each part is asked for."""
        return tuple(f"{self.name}/{_SHORT[group.part]}" for group in self.groups)


def _read_all(files: list[Path]) -> list[Image]:
    if len(files) > _MOST_FILES:
        raise MRFInputError("file-too-large", "the folder holds too many DICOM files",
                            path=files[0].parent, expected=f"at most {_MOST_FILES}",
                            found=len(files), hint="Pick the folder of one series.")  # fmt: skip
    return [image for path in files for image in read_images(path)]


def _groups(images: list[Image]) -> list[_Group]:
    """Return the parts of each series, named by the number of the series."""
    found: dict[tuple[str, str], list[Image]] = {}
    for image in images:
        found.setdefault((image.file.series, image.part), []).append(image)
    names: dict[str, str] = {}
    for (series, _), group in sorted(
        found.items(), key=lambda one: (one[1][0].file.number, one[0])
    ):
        number = str(group[0].file.number)
        taken = sum(name.partition("b")[0] == number for name in names.values())
        names.setdefault(series, number if not taken else f"{number}b{taken}")
    groups = [_Group(names[series], part, group) for (series, part), group in found.items()]
    return sorted(groups, key=lambda group: (group.file.number, group.name, group.part))


def _homes(groups: list[_Group]) -> list[_Home]:
    """Return the pairs that can be made, and the parts that are in none."""
    homes, paired = [], set()
    for first in groups:
        if first.part not in _PREFERRED:
            continue
        others = [one for one in groups if one.part == PARTNER[first.part] and _fits(first, one)]
        own = [one for one in others if one.name == first.name]
        for other in own or others:
            name = first.name if other.name == first.name else f"{first.name}+{other.name}"
            homes.append(_Home(name, (first, other)))
            paired |= {id(first), id(other)}
    return homes + [_Home(one.name, (one,)) for one in groups if id(one) not in paired]


def _fits(first: _Group, other: _Group) -> bool:
    """Return whether two parts are of one study, and about as many images of one size."""
    one, two = first.file, other.file
    same = (one.study, one.rows, one.columns) == (two.study, two.rows, two.columns)
    # A few missing images are told by name, not taken for another series.
    n = len(first.images), len(other.images)
    return same and min(n) > 0.8 * max(n) and first.images[0].orientation == (
        other.images[0].orientation)  # fmt: skip


def _chosen(
    groups: list[_Group], wanted: set[str] | None, dataset: str | None, path: Path
) -> _Home:
    homes = _homes(groups)
    if dataset is not None:
        home_name, _, part = dataset.partition("/")
        named = [one for one in homes if one.name == home_name
                 and (not part or dataset in one.array_names)]  # fmt: skip
        if not named:
            raise choose_error(path, dataset, _names(homes))
        return _likely(named)[0]
    if wanted is not None:
        homes = [one for one in homes if any(group.file.series in wanted for group in one.groups)]
    likely = _likely(homes)
    if len(likely) != 1:
        raise choose_error(path, None, _names(likely))
    return likely[0]


def _likely(homes: list[_Home]) -> list[_Home]:
    """Return pairs before single parts; of two pairs in one series that of real numbers.

    Single parts may be images to plan a scan with.
    """
    pairs = [one for one in homes if len(one.groups) == 2]
    if len({one.name for one in pairs}) == 1:
        return [one for one in pairs if one.groups[0].part == "real"] or pairs
    return pairs or homes


def _names(homes: list[_Home]) -> list[str]:
    return [one.name if len(one.groups) == 2 else one.array_names[0] for one in homes]


def _source(home: _Home, path: Path, sha256: str) -> Source:
    stacks = [stacked(group.images, path) for group in home.groups]
    if len(stacks) == 2:
        _refuse_apart(home, stacks, path)
    record = _record(home, stacks)
    sources: list[Source] = []
    for group, stack, name in reversed(
        list(zip(home.groups, stacks, home.array_names, strict=True))
    ):
        unit, notes = None, list(stack.warnings)
        if any(image.file.is_lossy for image in group.images):
            notes.append("The images were compressed with loss: their values are not those that "
                         "were measured.")  # fmt: skip
        told = ""
        if group.part == "phase":
            unit, note = phase_unit(group.images)
            notes += [note] if note else []
        else:
            told = private_scale(group.images)
            notes += [told] if told else []
        metadata: dict[str, Any] = {"format": "DICOM", "dataset": name, "dicom": record,
                                    "stored_type": group.file.pixels.dtype.str}  # fmt: skip
        sources.append(Source(
            path, sha256, StackFrames(stack.images, bool(told)), axes="XYZT", space="XYZ",
            affine=stack.affine,
            warnings=tuple(notes), metadata=metadata, arrays=home.array_names, units=unit,
            part=group.part, partner=sources[-1] if sources else None,
        ))  # fmt: skip
    return sources[-1]


def _refuse_apart(home: _Home, stacks: list[Stack], path: Path) -> None:
    """Refuse two halves that differ in their images."""
    first, other = (StackFrames(stack.images).shape for stack in stacks)
    names = " and ".join(f"{group.part} of series {group.name}" for group in home.groups)
    if first != other:
        raise MRFInputError("missing-images", f"the two halves differ: {names}", path=path,
                            expected=f"{first[3]} images of {first[2]} slices",
                            found=f"{other[3]} images of {other[2]} slices")  # fmt: skip
    if not same_place(stacks[0].affine, stacks[1].affine, first[2::-1]):
        raise MRFInputError("inconsistent-images", "the two halves lie in different places: "
                            f"{names}", path=path)  # fmt: skip


def _record(home: _Home, stacks: list[Stack]) -> dict[str, Any]:
    """Return which images were read, for what refers to them: UIDs and nothing of persons.

    Of each slice the first image over time stands for all.
    """
    file = home.groups[0].file
    first = stacks[0].images[0][0]
    return {
        "study": file.study,
        "frame_of_reference": file.frame_of_reference,
        "slice_thickness_mm": first.thickness,
        "series": [
            {"uid": group.file.series, "kind": group.file.kind, "part": group.part,
             "n_images": len(group.images),
             "of_slices": [image.file.instance for image in stack.images[0]]}
            for group, stack in zip(home.groups, stacks, strict=True)
        ],
    }  # fmt: skip
