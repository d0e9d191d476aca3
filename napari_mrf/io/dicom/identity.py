"""Who DICOM output names: nobody, unless the patient of a series is asked for.

Apart from the readers of images, which never look at these elements.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_mrf.errors import MRFInputError
from napari_mrf.io.dicom.files import dicom_below
from napari_mrf.io.dicom.library import library, silent
from napari_mrf.io.dicom.target import PATIENT_AND_STUDY


def load_identity(path: str | Path) -> Any:
    """Return patient and study of a DICOM series, for `save_maps` and `save_labels`.

    Parameters
    ----------
    path : str or Path
        A file of the series, or its folder.

    Returns
    -------
    pydicom.dataset.Dataset
        Name, number, birth date and sex of the patient; date, time, number, accession number and
        referring physician of the study.

    Raises
    ------
    MRFInputError
        ``"no-series"`` where there is no DICOM file, ``"bad-dicom"``, ``"missing-package"``.
    """
    path = Path(path)
    file = next(dicom_below(path), None) if path.is_dir() else path
    if file is None:
        raise MRFInputError("no-series", "the folder holds no DICOM file", path=path)
    try:
        with silent():
            header = library("pydicom", file).dcmread(file, specific_tags=[*PATIENT_AND_STUDY])
            found = library("pydicom.dataset").Dataset()
            for keyword in PATIENT_AND_STUDY:
                setattr(found, keyword, header.get(keyword, ""))
    except MRFInputError:
        raise
    except Exception as error:  # pydicom raises whatever it stumbles over
        raise MRFInputError("bad-dicom", "the patient of the series cannot be read", path=file,
                            found=type(error).__name__) from None  # fmt: skip
    return found
