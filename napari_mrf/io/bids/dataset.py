"""Data sets: series of subjects in, and what describes a data set of derivatives out."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.data import strict_json
from napari_mrf.data.text_files import read_error, read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write, make_folder
from napari_mrf.io.bids.names import NIFTI_SUFFIXES, joined, parsed, scan_entities

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DESCRIPTION_NAME = "dataset_description.json"
IGNORE_NAME = ".bidsignore"
BIDS_VERSION = "1.10.1"
SERIES_SUFFIX = "MRF"
"""Of series of MRF: BIDS has none yet, so ``*_MRF.*`` belongs into ``.bidsignore``."""

_SECOND_PARTS = ("phase", "imag")
_IGNORED = (
    "# What BIDS has no names for: MRF series and maps, tables of regions, cohort statistics.",
    "*_MRF.*",
    "*_FFmap.*",
    "*_Dfmap.*",
    "*std.nii.gz",
    "*std.json",
    "*_quality.*",
    "*_flags.*",
    "*_m0.*",
    "*_rois.tsv",
    "*_mrfmaps.json",
    "group",
    "cohort*",
)
_README = """\
Maps of magnetic resonance fingerprinting, made by napari-mrf.

T1 and T2 are in s, off-resonance in Hz, transmit fields relative to the nominal flip angle (1 is
nominal), fat fractions from 0 to 1. NaN stands where there is no value. How maps were made stands
in their sidecars, in the block MRFMap.
"""


@dataclass(frozen=True)
class BidsSeries:
    """A series of a data set.

    Parameters
    ----------
    name : str
        Of the scan, such as ``sub-01_ses-1``.
    path : Path
        The series, or the magnitude or real part of a pair.
    entities : mapping of str to str
        ``sub``, and where there are any ``ses``, ``acq``, ``run`` and ``chunk``.
    """

    name: str
    path: Path
    entities: Mapping[str, str]


def is_dataset(folder: Path) -> bool:
    """Return whether a folder describes itself as a data set of BIDS."""
    return (folder / DESCRIPTION_NAME).is_file()


def dataset_of(path: Path) -> Path | None:
    """Return the innermost data set that a file lies in, None where it lies in none."""
    return next((folder for folder in absolute(path).parents if is_dataset(folder)), None)


def absolute(path: Path) -> Path:
    """Return a path from the root, without ``..``; links are kept.

    Files under version control may be links into its store, outside of all folders of subjects.
    """
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolving would follow the links


def find_bids_series(
    dataset: str | Path,
    *,
    subjects: Iterable[str] = (),
    sessions: Iterable[str] = (),
) -> list[BidsSeries]:
    """Return the MRF series of a data set, raw or derivative: NIfTI files ``*_MRF.nii.gz``.

    Parameters
    ----------
    dataset : str or Path
        With folders ``sub-…``, and in them ``ses-…`` where there are sessions.
    subjects, sessions : iterable of str
        Labels, with or without ``sub-`` and ``ses-``; all where there are none.

    Returns
    -------
    list of BidsSeries
        One for each pair of ``part-mag`` and ``part-phase``, or ``part-real`` and ``part-imag``,
        and for each complex file; sorted by name.

    Raises
    ------
    MRFInputError
        ``"missing-folder"``; ``"no-series"``, also where a subject or session that was asked for
        has none; ``"same-name"`` for two series of one scan; ``"bad-name"``.
    """
    dataset = Path(dataset)
    if not dataset.is_dir():
        raise MRFInputError("missing-folder", "the data set does not exist", path=dataset)
    wanted = {"sub": _labels(subjects, "sub"), "ses": _labels(sessions, "ses")}
    found: dict[str, BidsSeries] = {}
    for path in _files_below(dataset):
        name = parsed(path.name)
        if name is None or name.suffix != SERIES_SUFFIX or "desc" in name.entities:
            continue
        if name.entities.get("part") in _SECOND_PARTS:
            continue
        if any(labels and name.entities.get(key) not in labels for key, labels in wanted.items()):
            continue
        entities = scan_entities(path)
        scan = joined(entities)
        if scan in found:
            raise MRFInputError("same-name", f"two series are the scan {scan}", path=path,
                                found=str(found[scan].path),
                                hint="Tell them apart by acq or run, or take one away."
                                )  # fmt: skip
        found[scan] = BidsSeries(scan, path, entities)
    _refuse_missing(dataset, wanted, found.values())
    return [found[scan] for scan in sorted(found)]


def _labels(given: Iterable[str], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label.removeprefix(f"{key}-") for label in given))


def _files_below(dataset: Path) -> list[Path]:
    patterns = [f"{level}/*{suffix}" for suffix in NIFTI_SUFFIXES
                for level in ("sub-*/*", "sub-*/ses-*/*")]  # fmt: skip
    try:
        return sorted(path for pattern in patterns for path in dataset.glob(pattern))
    except OSError as error:
        raise read_error(error, dataset) from error


def _refuse_missing(
    dataset: Path, wanted: Mapping[str, tuple[str, ...]], found: Iterable[BidsSeries]
) -> None:
    series = list(found)
    for key, labels in wanted.items():
        have = {one.entities.get(key) for one in series}
        if missing := [f"{key}-{label}" for label in labels if label not in have]:
            raise MRFInputError("no-series", "the data set has no series of some that were asked "
                                "for", path=dataset, found=f"none of {', '.join(missing)}"
                                )  # fmt: skip
    if not series:
        raise MRFInputError("no-series", "the data set contains no MRF series", path=dataset,
                            expected=f"files such as sub-01/anat/sub-01_part-mag_{SERIES_SUFFIX}"
                            ".nii.gz with its part-phase")  # fmt: skip


def source_uri(dataset: Path, source: Path) -> tuple[str, dict[str, str]]:
    """Return the BIDS URI of a series, and the link to its data set that the URI needs.

    Parameters
    ----------
    dataset : Path
        Of the derivatives.
    source : Path
        The series; where it lies in no data set, its folder stands for one.

    Raises
    ------
    MRFInputError
        As `refuse_raw`.
    """
    source = absolute(source)
    home = dataset_of(source) or source.parent
    try:
        link = Path(os.path.relpath(home, dataset.absolute())).as_posix()
    except ValueError:  # another drive
        link = home.as_uri()
    first = "raw" if is_dataset(home) else re.sub("[^0-9a-zA-Z]", "", home.name) or "source"
    known = _links(refuse_raw(dataset))
    name = next(one for one in chain([first], (f"{first}{n}" for n in count(2)))
                if known.get(one, link) == link)  # fmt: skip
    return f"bids:{name}:{source.relative_to(home).as_posix()}", {name: link}


def _links(description: Mapping[str, Any] | None) -> dict[str, str]:
    links = (description or {}).get("DatasetLinks")
    return links if isinstance(links, dict) else {}


def describe_dataset(dataset: Path, links: Mapping[str, str]) -> None:
    """Write what describes a data set of derivatives, as far as it is not there.

    ``dataset_description.json``, ``README`` and ``.bidsignore``. Keys and lines that are there
    stay; links to source data and lines of ``.bidsignore`` are added.

    Parameters
    ----------
    dataset : Path
        Created where needed.
    links : mapping of str to str
        ``DatasetLinks``: data sets that sources lie in.

    Raises
    ------
    MRFInputError
        ``"not-a-derivative"`` for a data set of raw data, ``"bad-json"``, and the codes of failed
        writes.
    """
    make_folder(dataset)
    path = dataset / DESCRIPTION_NAME
    earlier = refuse_raw(dataset)
    content = earlier or {
        "Name": "Maps of magnetic resonance fingerprinting",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{
            "Name": "napari-mrf",
            "Version": __version__,
            "Description": "Parameter maps from series of magnetic resonance fingerprinting",
        }],
    }  # fmt: skip
    linked = {**links, **_links(earlier)}
    if content is not earlier or linked != _links(earlier):
        _write(path, json.dumps({**content, "DatasetLinks": linked}, indent=1) + "\n")
    if not any((dataset / name).exists() for name in ("README", "README.md", "README.txt")):
        _write(dataset / "README", _README)
    ignore = dataset / IGNORE_NAME
    lines = read_text(ignore, "list").splitlines() if ignore.is_file() else []
    if missing := [line for line in _IGNORED if line not in lines]:
        _write(ignore, "\n".join([*lines, *missing]) + "\n")


def refuse_raw(dataset: Path) -> dict[str, Any] | None:
    """Return the description of a data set of derivatives; refuse one of raw data.

    Raises
    ------
    MRFInputError
        ``"not-a-derivative"``, ``"bad-json"``.
    """
    path = dataset / DESCRIPTION_NAME
    if not path.is_file():
        return None
    content = strict_json.loads(read_text(path, "description"), path=path)
    kind = content.get("DatasetType", "raw") if isinstance(content, dict) else None
    if kind != "derivative":
        raise MRFInputError("not-a-derivative", "maps cannot be written into a data set of raw "
                            "data", path=path, expected='"DatasetType": "derivative"',
                            found=repr(kind), hint="Choose another folder, such as "
                            "derivatives/napari-mrf in the data set.")  # fmt: skip
    described: dict[str, Any] = content
    return described


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
