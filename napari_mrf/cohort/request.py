"""Request for maps, as their provenance keeps it: whether maps on the disk are as asked now.

The record stands in the provenance of the maps, under ``request``: the sha256 of every input, the
sequence, the options and the version of the numerics. Device and paths are not in it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.source import sha256_of
from napari_mrf.io.maps.reader import load_provenance, recorded_files
from napari_mrf.io.raw.sidecar import load_raw_sidecar
from napari_mrf.io.series.pairs import find_pair
from napari_mrf.io.series.sidecar import load_sidecar, sidecar_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.cohort.options import Job

REQUEST = "request"
OTHER_RESULTS = "other-results"
"""Code of the error where maps were made in another way than is asked."""
_METHOD, _WEIGHTS = "method", "weights_sha256"


def asked_of(job: Job) -> dict[str, Any]:
    """Return everything that is asked of a subject but the sums of its inputs, JSON-ready."""
    options = job.options
    trajectory = options.of_raw.get("trajectory")
    given = {
        _METHOD: options.method,
        **options.of_method,
        **options.of_series,
        **options.of_raw,
        "trajectory": "a file" if _is_file(trajectory) else trajectory,
        "images": options.images,
        **options.of_images,
        **({f"b1_{name}": value for name, value in options.of_b1.items()} if job.b1 else {}),
        "form": None if options.form == "nifti" else options.form,
        "naming": None if options.naming == "plain" else options.naming,
        "keep_patient": options.keep_patient,
    }
    sequence = job.load_sequence()
    return {
        "sequence": None if sequence is None else sequence.fingerprint(),
        "options": {
            name: value
            for name, value in given.items()
            if value is not None and (value is not False or name in _OFF_COUNTS)
        },
        "numerics": job.numerics,
    }


_OFF_COUNTS = ("refine", "delay_correction")
"""Options whose default is not "off"."""


def input_files(job: Job) -> dict[str, Path]:
    """Return every file that maps of a subject depend on, by what it is.

    The other half of a pair, sidecars and trajectories are found as the readers find them.
    """
    series = job.subject.series
    found = {"series": series, "sidecar": sidecar_path(series)}
    with suppress(MRFInputError):  # told where the series is read
        sidecar = load_sidecar(series)
        block = None if sidecar is None else sidecar.block
        pair = find_pair(series, *((block.ComplexLayout, block.Partner) if block else (None, None)))
        if pair is not None:
            found |= {"other half": pair.partner, "its sidecar": sidecar_path(pair.partner)}
    if series.suffix.lower() in (".cfl", ".hdr"):
        of_bart = (".cfl", ".hdr")
        for stem in (series.stem, f"{series.stem}_traj", "traj"):
            found |= {f"{stem}{end}": series.with_name(f"{stem}{end}") for end in of_bart}
    with suppress(MRFInputError):
        raw = load_raw_sidecar(series)
        if raw is not None and raw.Trajectory is not None:
            for end in ("", ".cfl", ".hdr"):
                found[f"trajectory{end}"] = series.with_name(f"{raw.Trajectory}{end}")
    given = job.options.of_raw.get("trajectory")
    if _is_file(given):
        found["given trajectory"] = Path(str(given))
    found |= {name: path for name, path in (("mask", job.mask), ("B1 map", job.b1)) if path}
    needed = ("series", "mask", "B1 map")
    return {name: path for name, path in found.items() if name in needed or path.is_file()}


def request_of(job: Job, known: Mapping[Path, str | None] | None = None) -> dict[str, Any]:
    """Return the whole record of what is asked of a subject.

    Parameters
    ----------
    job : Job
        The subject.
    known : mapping of Path to str, optional
        The sha256 of files that were summed up already.

    Raises
    ------
    MRFInputError
        For inputs that cannot be read.
    """
    known = known or {}
    sums = {name: _sum_of(path, known) for name, path in input_files(job).items()}
    return {"inputs": sums, **asked_of(job)}


def _sum_of(path: Path, known: Mapping[Path, str | None]) -> str:
    """Return the sha256 of a file; of all DICOM files where a folder, or one of them, is named."""
    from napari_mrf.io.dicom.files import dicom_among, dicom_below, digest, is_dicom_file

    if path.is_dir():
        return digest(dicom_below(path))
    if is_dicom_file(path):
        return digest(dicom_among(path.parent))
    return known.get(path) or sha256_of(path)


def check_earlier(job: Job) -> bool:
    """Return whether the folder of a subject holds just the maps that are asked for.

    Returns
    -------
    bool
        False where there are no maps, or other ones that may be replaced.

    Raises
    ------
    MRFInputError
        ``"other-results"`` for other maps that may not be replaced, naming what differs;
        ``"bad-record"``, and for inputs that cannot be read.
    """
    place = _earlier(job)
    provenance = None if place is None else _provenance(job, place)
    if place is None or provenance is None:
        return False
    found = _differences(job, provenance, place)
    if not found:
        return True
    if job.overwrite:
        return False
    raise MRFInputError(
        OTHER_RESULTS, "the folder contains maps that were made in another way than is asked now",
        path=job.folder, found="; ".join(found),
        hint="Choose another folder to keep both, or replace them (on the command line "
        "--overwrite, which keeps the subjects that are as asked).",
    )  # fmt: skip


def _earlier(job: Job) -> Path | None:
    """Return what earlier maps are opened by: their folder, or in a data set those of the scan."""
    if job.target is None:
        return job.folder
    scan = job.target.earlier()
    return None if scan is None or scan.record is None else scan.path


def _provenance(job: Job, place: Path) -> dict[str, Any] | None:
    """Return how earlier maps were made; None where there are none with a record."""
    try:
        return load_provenance(place)
    except MRFInputError:
        if job.overwrite:
            return None
        raise


def _differences(job: Job, provenance: Mapping[str, Any], place: Path) -> list[str]:
    """Return in words in what maps differ from what is asked; inputs are summed up last."""
    made = provenance.get(REQUEST)
    if not isinstance(made, dict) or not all(
        isinstance(made.get(name), dict) for name in ("options", "inputs")
    ):
        return ["they do not record what was asked for, as those of the window and of earlier "
                "versions"]  # fmt: skip
    asked = asked_of(job)
    found = []
    for name in ("numerics", "sequence"):
        if made.get(name) != asked[name]:
            found.append(f"{name}: {_short(made.get(name))}, now {_short(asked[name])}")
    for name in sorted({*made["options"], *asked["options"]}):
        before, now = made["options"].get(name), asked["options"].get(name)
        if before != now:
            found.append(f"option {name}: {_short(before)}, now {_short(now)}")
    found += _weights(job, provenance)
    if found:
        return found
    sums = request_of(job)["inputs"]
    for name in (*sums, *(name for name in made["inputs"] if name not in sums)):
        if made["inputs"].get(name) != sums.get(name):
            told = "has changed" if name in sums and name in made["inputs"] else (
                "is new" if name in sums else "is gone")  # fmt: skip
            found.append(f"the input {name} {told}")
    return found or _changed_files(place)


def _weights(job: Job, provenance: Mapping[str, Any]) -> list[str]:
    """Return whether maps of a network were made with other weights than are installed."""
    method = provenance.get("method")
    if not isinstance(method, dict) or _WEIGHTS not in method:
        return []
    from napari_mrf.networks.card import is_card_path, read_card
    from napari_mrf.networks.weights import installed

    name = str(job.options.method or method.get("name"))
    fingerprint = str((provenance.get("sequence") or {}).get("fingerprint"))
    path = Path(name) if is_card_path(name) else installed().get((name, fingerprint))
    with suppress(MRFInputError):
        if path is not None and read_card(path).weights_sha256 == method[_WEIGHTS]:
            return []
    return ["other weights of the network"]


def _changed_files(folder: Path) -> list[str]:
    """Return which maps are no longer as their record says."""
    sums = recorded_files(folder)
    return [
        f"{path.name} is not as it was saved"
        for path, sha256 in sums.items()
        if not path.is_file() or sha256_of(path) != sha256
    ]


def _is_file(trajectory: object) -> bool:
    return trajectory is not None and Path(str(trajectory)).is_file()


def in_words(value: Any) -> str:
    """Return the value of an option as a user reads it."""
    names = {None: "not given", True: "on", False: "off"}
    return names[value] if value is None or isinstance(value, bool) else str(value)


def _short(value: Any) -> str:
    text = in_words(value)
    return text if len(text) <= 20 else f"{text[:8]}..."
