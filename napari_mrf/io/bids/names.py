"""Names of BIDS files: entities, a suffix and an extension."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.registry import stem_of

if TYPE_CHECKING:
    from pathlib import Path

NIFTI_SUFFIXES = (".nii.gz", ".nii")
_EXTENSIONS = (*NIFTI_SUFFIXES, ".json", ".tsv")
_ENTITY = re.compile(r"([a-zA-Z]+)-([0-9a-zA-Z+]+)")
_OF_SCANS = ("sub", "ses", "acq", "run", "chunk")
"""Entities that names of maps of every folder may have, in their order."""

_FOLDED = ("part",)
"""Entities of the files of one series, which its maps do not have."""


@dataclass(frozen=True)
class BidsName:
    """A file name in its parts, such as ``sub-01_run-2_desc-water_T1map.nii.gz``.

    Parameters
    ----------
    entities : dict of str to str
        Values by key, in the order of the name.
    suffix : str
        What follows the last underscore, such as ``T1map``.
    extension : str
        With its dot.
    """

    entities: dict[str, str]
    suffix: str
    extension: str

    @property
    def scan(self) -> str:
        """The name without ``desc``, suffix and extension: the same for all maps of a scan."""
        return joined({key: value for key, value in self.entities.items() if key != "desc"})

    @property
    def desc(self) -> str:
        """Value of ``desc``; empty where there is none."""
        return self.entities.get("desc", "")


def joined(entities: dict[str, str]) -> str:
    """Return entities as the beginning of a name."""
    return "_".join(f"{key}-{value}" for key, value in entities.items())


def parsed(name: str) -> BidsName | None:
    """Return the parts of a file name, None where it is no BIDS name of a subject."""
    extension = next((end for end in _EXTENSIONS if name.endswith(end)), None)
    if extension is None:
        return None
    *words, suffix = name.removesuffix(extension).split("_")
    matches = [_ENTITY.fullmatch(word) for word in words]
    entities = {match[1]: match[2] for match in matches if match}
    if len(entities) != len(words) or not words or "sub" not in entities or not suffix.isalnum():
        return None
    return BidsName(entities, suffix, extension)


def scan_entities(path: Path, *, subject: str = "", session: str = "") -> dict[str, str]:
    """Return the entities that the maps of a series have in their names.

    Parameters
    ----------
    path : Path
        The series, of any format. Of a name that is not one of BIDS, letters and digits become
        the subject: ``leg one.nii.gz`` is ``sub-legone``.
    subject, session : str
        As a table names them, with or without ``sub-`` and ``ses-``; they go before the name of
        the series, and their letters and digits count.

    Raises
    ------
    MRFInputError
        ``"bad-name"`` where a name has entities that maps cannot have, or no letter at all.
    """
    given = {"sub": subject, "ses": session}
    labels = {key: _label(text.removeprefix(f"{key}-")) for key, text in given.items() if text}
    stem = stem_of(path)
    name = parsed(f"{stem}.nii") or parsed(f"{stem}_MRF.nii")
    named = {"sub": _label(stem)} if name is None else name.entities
    entities = {key: value for key, value in (named | labels).items() if key not in _FOLDED}
    if not all(entities.values()):
        raise MRFInputError("bad-name", "no subject can be named after the series", path=path,
                            expected="letters or digits in its name",
                            hint="Rename it, such as sub-01_part-mag_MRF.nii.gz.")  # fmt: skip
    if lost := [key for key in entities if key not in _OF_SCANS]:
        raise MRFInputError(
            "bad-name", "the name of the series has entities that maps in BIDS cannot have",
            path=path, expected=f"{', '.join(_OF_SCANS)} and part", found=", ".join(lost),
            hint="Tell scans of a session apart by acq or run.",
        )  # fmt: skip
    return {key: entities[key] for key in _OF_SCANS if key in entities}


def _label(text: str) -> str:
    return re.sub("[^0-9a-zA-Z]", "", text)


def folder_of(entities: dict[str, str]) -> str:
    """Return the folder of a subject, or of its session: ``sub-01/ses-1``."""
    return "/".join(f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities)
