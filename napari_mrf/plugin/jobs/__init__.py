"""Long work in a worker thread: progress, cancel, and failures that cannot get lost."""

from napari_mrf.plugin.jobs.job import Job
from napari_mrf.plugin.jobs.status import Failure, JobState, JobStatus, Step

__all__ = ["Failure", "Job", "JobState", "JobStatus", "Step"]
