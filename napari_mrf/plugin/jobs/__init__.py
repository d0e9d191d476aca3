"""Long work in a worker thread: progress, cancelling, failures."""

from napari_mrf.plugin.jobs.file_reading import reading
from napari_mrf.plugin.jobs.job import Job
from napari_mrf.plugin.jobs.reported import in_steps
from napari_mrf.plugin.jobs.status import Failure, JobState, JobStatus, Step, as_steps, counted

__all__ = [
    "Failure", "Job", "JobState", "JobStatus", "Step", "as_steps", "counted", "in_steps", "reading",
]  # fmt: skip
