"""Cohorts on many processes: dask.distributed schedules, workers reconstruct subject by subject."""
