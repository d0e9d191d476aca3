"""Outcome of a subject, and the errors that end a run instead of leaving one subject out."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from napari_mrf.cohort.request import OTHER_RESULTS
from napari_mrf.errors import WRONG_USAGE, MRFInputError, reason, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.cohort.options import Job

State = Literal["made", "kept", "refused", "failed"]
STATES: dict[State, str] = {
    "made": "maps were made in this run",
    "kept": "the maps on the disk are just what is asked",
    "refused": "the maps on the disk were made in another way, and stay as they are",
    "failed": "no maps: the error says why",
}
INTERNAL = "internal"
"""Code of errors that are none of the input."""


@dataclass(frozen=True)
class Outcome:
    """What became of one subject.

    Parameters
    ----------
    name, subject, session : str
        Of the subject.
    state : {"made", "kept", "refused", "failed"}
        See `STATES`.
    series, folder : str
        Paths of its input and of its maps.
    summary : str
        A line for the terminal; empty unless maps were made.
    n_voxels : int
        With values.
    seconds : float
        The work took.
    warnings : tuple of str
        Sentences a user should read.
    error : mapping
        Fields of the `MRFInputError`; empty where there is none.
    """

    name: str
    subject: str
    session: str
    state: State
    series: str
    folder: str
    summary: str = ""
    n_voxels: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job, state: State, *, began: float, **fields: Any) -> Outcome:
        """Return the outcome of a job that began at a time of `time.monotonic`."""
        one = job.subject
        return cls(one.name, one.subject or one.name, one.session, state, str(one.series),
                   str(job.folder), seconds=round(time.monotonic() - began, 3), **fields
                   )  # fmt: skip

    @property
    def has_maps(self) -> bool:
        """Whether there are maps that are as asked."""
        return self.state in ("made", "kept")

    @property
    def input_error(self) -> MRFInputError | None:
        """The error, None where there is none."""
        return MRFInputError.from_dict(self.error) if self.error else None

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, JSON-ready."""
        return asdict(self)


def failure(job: Job, error: Exception, *, began: float) -> Outcome:
    """Return the outcome of a subject that could not be reconstructed.

    Raises
    ------
    MRFInputError
        The error itself where it is the fault of the command, and would be that of every subject.
    """
    if isinstance(error, MRFInputError):
        if error.code in WRONG_USAGE and error.path is None:
            raise error
        state: State = "refused" if error.code in (OTHER_RESULTS, "exists") else "failed"
        return Outcome.of(job, state, began=began, error=error.as_dict())
    what = shown(f"{type(error).__name__}: {reason(error)}")
    told = MRFInputError(INTERNAL, what, path=job.subject.series,
                         hint="This is a fault of the software, not of the file; please report it."
                         )  # fmt: skip
    return Outcome.of(job, "failed", began=began, error=told.as_dict())
