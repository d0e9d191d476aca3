"""Parameter maps out: one NIfTI file per map, and a record of how they came to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.compute.steps import result_of
from napari_mrf.data.maps import FLAGS
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.io.formats.nifti_write import write_volume
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
MAPS_RESULTS = ResultKind(
    "maps",
    RECORD_NAME,
    tuple(f"{name}.nii.gz" for name in (*PARAMETERS, *COMPANIONS, *DEVIATIONS)),
    format=RECORD_FORMAT,
)


def save_maps(maps: ParameterMaps, directory: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write maps to a folder in one go; as `iter_save_maps`."""
    return result_of(iter_save_maps(maps, directory, overwrite=overwrite))


def iter_save_maps(
    maps: ParameterMaps, directory: str | Path, *, overwrite: bool = False
) -> Generator[str, None, list[Path]]:
    """Write maps to a folder, all files or none, in steps that yield what comes next.

    ``<key>.nii.gz`` for every parameter (float32, NaN where there is no value),
    ``<key>_std.nii.gz`` for every standard deviation, ``quality.nii.gz``, ``flags.nii.gz``
    (uint16) and ``m0.nii.gz`` (complex64) where present, and ``maps.json`` with units,
    provenance, versions, the meaning of the flags and the sha256 of each file. The same maps
    give the same bytes.

    Parameters
    ----------
    maps : ParameterMaps
        (Z, Y, X) arrays; written as (X, Y, Z) with their affine.
    directory : str or Path
        Created where needed; an existing empty folder is fine.
    overwrite : bool
        Whether earlier results in the folder may be replaced.

    Returns
    -------
    list of Path
        What was written, ``maps.json`` last.

    Raises
    ------
    MRFInputError
        ``"exists"``, ``"no-maps"``, ``"disk-full"``, ``"not-writable"`` and the other codes
        of `atomic_write_all`.
    """
    if not len(maps):
        raise MRFInputError("no-maps", "there are no maps to save")
    with MAPS_RESULTS.writing(directory, maps_names(maps), overwrite=overwrite) as staged:
        yield from iter_write_maps(maps, staged)
    return staged.paths


def maps_names(maps: ParameterMaps) -> list[str]:
    """Return the names of the files that `write_maps` writes besides the record."""
    return [f"{name}.nii.gz" for name in _volumes(maps)]


def write_maps(maps: ParameterMaps, staged: Staged) -> None:
    """Write maps and their record where a result folder is staged."""
    result_of(iter_write_maps(maps, staged))


def iter_write_maps(maps: ParameterMaps, staged: Staged) -> Generator[str, None, None]:
    """Write as `write_maps`, in steps that yield the name of the file that comes next."""
    for name, values in _volumes(maps).items():
        yield name
        write_volume(staged[f"{name}.nii.gz"], values, maps.affine)
    staged.write_record(_record(maps, staged.sums()))


def _volumes(maps: ParameterMaps) -> dict[str, Any]:
    volumes: dict[str, Any] = dict(maps)
    for name in COMPANIONS:
        values = getattr(maps, name)
        if values is not None:
            volumes[name] = values
    volumes |= {f"{key}_std": values for key, values in maps.uncertainty.items()}
    return volumes


def _record(maps: ParameterMaps, sums: dict[str, str]) -> dict[str, Any]:
    files: dict[str, dict[str, Any]] = {}
    for file, sha256 in sums.items():
        name = file.removesuffix(".nii.gz")
        entry: dict[str, Any] = {"file": file, "sha256": sha256}
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
        elif name == "m0":
            entry |= {"label": "Complex scale of the model", "unit": "a.u."}
        else:
            entry |= {"label": "Flags, bits added up", "bits": FLAGS}
        files[name] = entry
    return {
        "affine": None if maps.affine is None else maps.affine.tolist(),
        "geometry": "unknown: the files carry the identity with codes 0, which means no geometry"
        if maps.affine is None
        else "affine to mm, voxel indices (x, y, z)",
        "maps": files,
        "provenance": maps.provenance,
    }
