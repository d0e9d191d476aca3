"""Parametric maps: one multi-frame DICOM file a map, in float32 with NaN where there is no value.

References
----------
DICOM PS3.3, A.75, Parametric Map IOD; highdicom writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.io.dicom.library import library, silent
from napari_mrf.io.dicom.quantities import quantity_of
from napari_mrf.io.dicom.target import (
    Origin,
    Planes,
    coded,
    content_digest,
    equipment,
    finish,
    stable_uid,
    stub_of_source,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps

_HOW = "UnspecifiedMethodOfCalculation", "SourceImageForImageProcessingOperation"


def write_parametric_map(
    path: Path, name: str, values: NDArray[Any], maps: ParameterMaps, *, identity: Any = None
) -> None:
    """Write one map as a Parametric Map.

    Parameters
    ----------
    path : Path
        Need not end in any way.
    name : str
        Of the map or companion, as files are called: ``"T1H2O"``, ``"T1H2O_std"``, ``"flags"``.
    values : ndarray
        (Z, Y, X), float32 or uint16.
    maps : ParameterMaps
        Its affine says where the map lies, its provenance what it comes from.
    identity : Dataset, optional
        Of `load_identity`: who is named. Nobody without.

    Raises
    ------
    MRFInputError
        ``"no-geometry"``, ``"missing-package"``.
    """
    highdicom = library("highdicom", path)
    planes = Planes.of(maps.affine, len(values), path)
    origin = Origin.of(maps.provenance, len(values))
    quantity = quantity_of(name)
    called = content_digest(name, values, planes, origin)
    low, high = _range(values)
    is_whole = values.dtype.kind == "u"
    number = int if is_whole else float
    mapping = highdicom.pm.RealWorldValueMapping(
        lut_label=name[:16], lut_explanation=quantity.label[:64], unit=coded("UCUM", quantity.unit),
        value_range=(number(low), number(high)), slope=number(1), intercept=number(0),
        quantity_definition=coded("DCM", quantity.code) if quantity.code else None,
    )  # fmt: skip
    window = highdicom.VOILUTTransformation(
        *quantity.window(low, high), voi_lut_function="LINEAR_EXACT"
    )
    with silent():
        made = highdicom.pm.ParametricMap(
            stub_of_source(planes, origin, values.shape, identity), values,
            series_instance_uid=stable_uid("series", called), series_number=quantity.number,
            sop_instance_uid=stable_uid("instance", called), instance_number=1, **equipment(),
            contains_recognizable_visual_features=True, real_world_value_mappings=[mapping],
            voi_lut_transformations=[window], content_label=code_string(name),
            content_description=quantity.label[:64],
            series_description=f"MRF {quantity.label}"[:64],
        )  # fmt: skip
        made.Laterality = ""  # which leg nobody says
        finish(made, called, planes, origin, _HOW)
        made.save_as(path, enforce_file_format=True)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def code_string(name: str) -> str:
    """Return a name as DICOM has codes: capitals, at most 16."""
    return "".join(letter if letter.isalnum() else "_" for letter in name.upper())[:16]
