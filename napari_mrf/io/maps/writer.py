"""Parameter maps out: one file per map, in one of several forms, and a record of their origin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.compute.steps import result_of
from napari_mrf.data.maps import FLAGS
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.io.maps.forms import FORMS, form_of
from napari_mrf.io.result_folder import ResultKind

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.io.result_folder import Staged

RECORD_NAME = "maps.json"
RECORD_FORMAT = "napari-mrf maps"
COMPANIONS = ("quality", "m0", "flags")
DEVIATIONS = {f"{key}_std": key for key in PARAMETERS}
"""File names of the standard deviations, with their parameters."""
SPLIT = ("m0_real", "m0_imaginary")
"""What m0 becomes where there are no complex numbers."""
_NAMES = (*PARAMETERS, *COMPANIONS, *DEVIATIONS, *SPLIT)
MAPS_RESULTS = ResultKind(
    "maps",
    RECORD_NAME,
    tuple(
        f"{name}{suffix}"
        for suffix in dict.fromkeys(form.suffix for form in FORMS.values())
        for name in _NAMES
    ),
    patterns=tuple(
        f"{name}_[0-9][0-9][0-9][0-9]{form.suffix}"
        for form in FORMS.values()
        if form.per_slice
        for name in _NAMES
    ),
    format=RECORD_FORMAT,
)


def save_maps(
    maps: ParameterMaps,
    directory: str | Path,
    *,
    overwrite: bool = False,
    form: str = "nifti",
    identity: Any = None,
) -> list[Path]:
    """Write maps to a folder in one go; as `iter_save_maps`."""
    return result_of(
        iter_save_maps(maps, directory, overwrite=overwrite, form=form, identity=identity)
    )


def iter_save_maps(
    maps: ParameterMaps,
    directory: str | Path,
    *,
    overwrite: bool = False,
    form: str = "nifti",
    identity: Any = None,
) -> Generator[str, None, list[Path]]:
    """Write maps to a folder, all files or none, in steps that yield what comes next.

    ``<key>.nii.gz`` for every parameter (float32, NaN where there is no value),
    ``<key>_std.nii.gz`` for every standard deviation, ``quality.nii.gz``, ``flags.nii.gz``
    (uint16) and ``m0.nii.gz`` (complex64) where present, and ``maps.json`` with units,
    provenance, versions, the meaning of the flags and the sha256 of each file. The same maps
    give the same bytes, but for the date in DICOM. Other forms have other endings; DICOM has
    ``m0_real`` and ``m0_imaginary``.

    Parameters
    ----------
    maps : ParameterMaps
        (Z, Y, X) arrays; written as (X, Y, Z) with their affine.
    directory : str or Path
        Created where needed; an existing empty folder is fine.
    overwrite : bool
        Whether earlier results in the folder may be replaced.
    form : {"nifti", "dicom", "dicom-mr", "mha"}
        NIfTI, DICOM parametric maps, DICOM MR images of 16 bits a slice, or MetaImage.
    identity : Dataset, optional
        Of `napari_mrf.io.load_identity`: who is named in DICOM. Nobody without.

    Returns
    -------
    list of Path
        What was written, ``maps.json`` last.

    Raises
    ------
    MRFInputError
        ``"exists"``, ``"no-maps"``, ``"bad-option"``, ``"no-geometry"``, ``"missing-package"``,
        ``"disk-full"``, ``"not-writable"`` and the other codes of `atomic_write_all`.
    """
    if not len(maps):
        raise MRFInputError("no-maps", "there are no maps to save")
    names = maps_names(maps, form)
    with MAPS_RESULTS.writing(directory, names, overwrite=overwrite) as staged:
        yield from iter_write_maps(maps, staged, form, identity)
    return staged.paths


def maps_names(maps: ParameterMaps, form: str = "nifti") -> list[str]:
    """Return the names of the files that `write_maps` writes besides the record."""
    chosen = form_of(form)
    return [
        file
        for name in chosen.volumes(_volumes(maps))
        for file in chosen.files_of(name, maps.spatial_shape[0])
    ]


def write_maps(maps: ParameterMaps, staged: Staged) -> None:
    """Write maps and their record where a result folder is staged."""
    result_of(iter_write_maps(maps, staged))


def iter_write_maps(
    maps: ParameterMaps, staged: Staged, form: str = "nifti", identity: Any = None
) -> Generator[str, None, None]:
    """Write as `write_maps`, in steps that yield the name of the file that comes next."""
    chosen = form_of(form)
    files: dict[str, list[str]] = {}
    for name, values in chosen.volumes(_volumes(maps)).items():
        files[name] = chosen.files_of(name, len(values))
        yield name
        chosen.write([staged[file] for file in files[name]], name, values, maps, identity)
    staged.write_record(_record(maps, files, staged.sums(), form))


def _volumes(maps: ParameterMaps) -> dict[str, Any]:
    volumes: dict[str, Any] = dict(maps)
    for name in COMPANIONS:
        values = getattr(maps, name)
        if values is not None:
            volumes[name] = values
    volumes |= {f"{key}_std": values for key, values in maps.uncertainty.items()}
    return volumes


def _record(
    maps: ParameterMaps, of_maps: dict[str, list[str]], sums: dict[str, str], form: str
) -> dict[str, Any]:
    files: dict[str, dict[str, Any]] = {}
    for name, of_map in of_maps.items():
        entry: dict[str, Any] = {"file": of_map[0], "sha256": sums[of_map[0]]}
        if FORMS[form].per_slice:
            entry = {"files": [{"file": file, "sha256": sums[file]} for file in of_map]}
        if name in PARAMETERS:
            parameter = PARAMETERS[name]
            entry |= {"label": parameter.label, "unit": parameter.unit}
            if parameter.validity is not None:
                entry["valid_where"] = parameter.validity.describe()
        elif name in DEVIATIONS:
            parameter = PARAMETERS[DEVIATIONS[name]]
            label = f"{parameter.label}, standard deviation"
            entry |= {"label": label, "unit": parameter.unit}
        elif name == "quality":
            entry |= {"label": "Correlation of the measurement with the model", "unit": ""}
        elif name.startswith("m0"):
            part = {"m0_real": ", real part", "m0_imaginary": ", imaginary part"}.get(name, "")
            entry |= {"label": f"Complex scale of the model{part}", "unit": "a.u."}
        else:
            entry |= {"label": "Flags, bits added up", "bits": FLAGS}
        files[name] = entry
    said = {} if form == "nifti" else {"form": form}
    return said | {
        "affine": None if maps.affine is None else maps.affine.tolist(),
        "geometry": "unknown: the files carry the identity with codes 0, which means no geometry"
        if maps.affine is None
        else "affine to mm, voxel indices (x, y, z)",
        "maps": files,
        "provenance": maps.provenance,
    }
