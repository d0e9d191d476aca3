"""One subject from its files to maps on the disk, in steps; or the word that they are there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_mrf._version import NUMERICS, __version__
from napari_mrf.cohort.outcome import Outcome
from napari_mrf.cohort.request import REQUEST, check_earlier, request_of
from napari_mrf.errors import MRFInputError
from napari_mrf.io.maps.writer import MAPS_RESULTS

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_mrf.cohort.options import Job
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries


@dataclass(frozen=True)
class SubjectUpdate:
    """How far a subject is.

    Parameters
    ----------
    name : str
        Of the subject.
    what : str
        The piece of work: ``"images, subspace"``, ``"water-fat, refining"``.
    done, total : float
        Slices or voxels of this piece.
    unit : str
        ``"slices"`` or ``"voxels"``.
    told : str
        A sentence a user should read now; empty for most updates.
    """

    name: str
    what: str = ""
    done: float = 0
    total: float = 0
    unit: str = "voxels"
    told: str = ""


def iter_subject(job: Job) -> Generator[SubjectUpdate, None, Outcome]:
    """Reconstruct one subject and save its maps; every yield is a chance to cancel.

    Parameters
    ----------
    job : Job
        The subject. Maps that are just what is asked stay as they are.

    Returns
    -------
    Outcome
        ``"made"`` or ``"kept"``.

    Raises
    ------
    MRFInputError
        ``"other-results"``, ``"exists"``, ``"other-version"``, ``"no-sequence"``, and what
        reading, reconstruction and writing raise.
    """
    began = time.monotonic()
    _check_version(job)
    if job.resume and check_earlier(job):
        return Outcome.of(job, "kept", began=began)
    if job.target is None:
        MAPS_RESULTS.refuse_earlier(job.folder, overwrite=job.overwrite)
    else:
        job.target.refuse_earlier(overwrite=job.overwrite)
    series, told = yield from _loading(job)
    label = job.subject.name if job.resume else job.subject.series.name
    for text in series.warnings:
        yield SubjectUpdate(label, told=text)
    maps = yield from _reconstructing(job, series)
    known = {job.subject.series: series.source_sha256}
    maps.provenance[REQUEST] = request_of(job, known)
    _save(job, maps)
    of_maps = [str(text) for text in maps.warnings]
    for text in of_maps:
        yield SubjectUpdate(label, told=text)
    warnings = (*told, *series.warnings, *of_maps)
    return Outcome.of(job, "made", began=began, warnings=warnings, summary=_summary(job, maps),
                      n_voxels=maps.provenance.get("counts", {}).get("voxels", 0))  # fmt: skip


def _check_version(job: Job) -> None:
    if (job.version, job.numerics) != (__version__, NUMERICS):
        raise MRFInputError(
            "other-version", "a worker runs another version of napari-mrf than asks for the work",
            expected=f"{job.version}, numerics {job.numerics}",
            found=f"{__version__}, numerics {NUMERICS}",
            hint="Start the workers in the same environment as the command.",
        )  # fmt: skip


def _loading(job: Job) -> Generator[SubjectUpdate, None, tuple[MRFSeries, list[str]]]:
    """Read a series, or make the images of raw data, with its mask."""
    from napari_mrf.io import is_raw, load_series
    from napari_mrf.io.series.reader import masked

    options, path = job.options, job.subject.series
    sequence = job.load_sequence()
    if not is_raw(path):
        series = load_series(path, sequence, mask=job.mask, **options.of_series)
        if series.sequence is None:
            raise MRFInputError("no-sequence", "the series has no sequence", path=path,
                                hint="Give one: --sequence.")  # fmt: skip
        return series, []
    if sequence is None:
        raise MRFInputError("no-sequence", "raw data do not name their sequence", path=path,
                            hint="Give one: --sequence.")  # fmt: skip
    from napari_mrf.compute.steps import Steps
    from napari_mrf.imaging.images import making_images
    from napari_mrf.io import load_raw

    way = options.images or "subspace"
    # The device is that of the method, too: gridding has the CPU alone.
    device = options.device if way == "subspace" else "auto"
    raw = load_raw(path, sequence=sequence, **options.of_raw)
    working = Steps(making_images(raw, sequence, way, device=device, **options.of_images))
    for update in working:
        yield SubjectUpdate(job.subject.name, f"images, {way}", update.done, update.total, "slices")
    made = working.result
    delays = made.metadata["gradient_delays"]
    told = [delays["told"]] if delays["corrected"] else []
    for text in told:
        yield SubjectUpdate(path.name, told=text)
    return masked(made, job.mask), told


def _reconstructing(job: Job, series: MRFSeries) -> Generator[SubjectUpdate, None, ParameterMaps]:
    from napari_mrf import methods
    from napari_mrf.io import load_b1

    if series.sequence is None:  # for the type: `_loading` refuses it
        raise RuntimeError("the series has no sequence")
    options = job.options
    b1 = None if job.b1 is None else load_b1(job.b1, series, **options.of_b1)
    name = options.method or methods.default_name(series.sequence)
    given: dict[str, Any] = {"device": options.device, **options.of_method}
    method = methods.get(name, sequence=series.sequence, **given)
    update = None
    for update in method.iter_reconstruct(series, b1=b1):
        what = f"{method.name}, {update.stage}"
        yield SubjectUpdate(job.subject.name, what, update.done, update.total)
    if update is None:
        raise RuntimeError("iter_reconstruct yielded nothing")
    return update.maps


def _save(job: Job, maps: ParameterMaps) -> None:
    from napari_mrf.io import load_identity, save_maps

    if job.target is not None:
        job.target.save(maps, overwrite=job.overwrite)
        return
    options = job.options
    identity = load_identity(job.subject.series) if options.keep_patient else None
    save_maps(maps, job.folder, overwrite=job.overwrite, form=options.form, identity=identity)


def _summary(job: Job, maps: ParameterMaps) -> str:
    counts = maps.provenance.get("counts", {})
    n = counts.get("voxels", 0)
    text = f"{job.folder}: {', '.join(maps)} for {n:,} voxel{'' if n == 1 else 's'}"
    if counts.get("not_finite"):
        text += f"; {counts['not_finite']:,} not finite and left out"
    if counts.get("no_signal"):
        text += f"; {counts['no_signal']:,} without signal"
    return text
