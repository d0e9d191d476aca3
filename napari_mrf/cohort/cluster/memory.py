"""Memory that a subject needs in a worker, estimated before its series is opened.

Apart, since the numbers are measured ones (docs/cohorts.md): a worker has 0.5 GB after its imports;
a NIfTI series of 0.9 GB in five slices took 0.3 GB more, one of 7.3 GB in twenty slices 0.8 GB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.data.text_files import size_of

if TYPE_CHECKING:
    from napari_mrf.cohort.options import Job

BASE_MB = 1200
"""A worker with its libraries, the compiled search and its tables, and a small series."""
OF_SLICES = 0.5
"""Of the size of plain NIfTI files, which are read slice by slice."""
OF_WHOLE_FILE = 1.5
"""Of the size of all others: compressed, MATLAB and raw files."""
MOST_OF_FILE_MB = 6000


def needed_mb(job: Job) -> int:
    """Return the memory in MB (10^6 bytes) to reserve for a subject.

    Raises
    ------
    MRFInputError
        For a series that is not there.
    """
    series = job.subject.series
    share = OF_SLICES if series.suffix.lower() == ".nii" else OF_WHOLE_FILE
    return round(BASE_MB + min(share * size_of(series) / 1e6, MOST_OF_FILE_MB))
