"""Whose a job is: work that was started for one subject may go on while another is shown.

Apart from the panels that run the jobs, since each of them has to tell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_mrf.plugin.jobs import Job, JobStatus
    from napari_mrf.plugin.session import Session


def is_own(session: Session, job: Job) -> bool:
    """Return whether a job was started for the subject that is shown."""
    return session.owner_of(job) == session.subject.key


def told_status(session: Session, job: Job) -> JobStatus:
    """Return the status of a job, with the name of its subject in the title if it is another's."""
    name = "" if is_own(session, job) else session.name_of(session.owner_of(job))
    return replace(job.status, title=f"{name} · {job.status.title}") if name else job.status


def whose_failure(session: Session, job: Job) -> str:
    """Return the sentence of a failure, with the name of its subject if it is another's."""
    failure = job.status.failure
    if failure is None:
        return ""
    name = "" if is_own(session, job) else session.name_of(session.owner_of(job))
    return f"{name}: {failure.sentence}" if name else failure.sentence
