"""Memory that a subject needs in a worker, estimated before its series is opened.

Apart, since the numbers are measured ones: docs/cohorts.md says how, and what to do where they
are wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.data.text_files import size_of

if TYPE_CHECKING:
    from napari_mrf.cohort.options import Job

BASE_MB = 1200
"""A worker with torch, the compiled search and its tables, and a small series."""
PER_FILE_BYTE = 1.5
"""Of the file, at most: compressed and MATLAB files are unpacked, raw data become coefficients."""
MOST_OF_FILE_MB = 6000
"""Series are read slice by slice: files beyond this need no more."""


def needed_mb(job: Job) -> int:
    """Return the memory in MB (10^6 bytes) to reserve for a subject.

    Raises
    ------
    MRFInputError
        For a series that is not there.
    """
    file_mb = size_of(job.subject.series) / 1e6
    return round(BASE_MB + min(PER_FILE_BYTE * file_mb, MOST_OF_FILE_MB))
