"""Parameter maps out: one NIfTI file a map, and a record of how they came to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.errors import MRFInputError
from napari_mrf.io.atomic import atomic_write_all, write_error
from napari_mrf.io.nifti_write import write_volume
from napari_mrf.io.source import sha256_of
from napari_mrf.maps import FLAGS
from napari_mrf.parameters import PARAMETERS

if TYPE_CHECKING:
    from napari_mrf.maps import ParameterMaps

RECORD_NAME = "maps.json"
RECORD_FORMAT = "napari-mrf maps"
COMPANIONS = ("quality", "m0", "flags")
DEVIATIONS = {f"{key}_std": key for key in PARAMETERS}
"""File names of the standard deviations, with their parameters."""


def save_maps(maps: ParameterMaps, directory: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write maps to a folder: all files, or none.

    ``<key>.nii.gz`` for every parameter (float32, NaN where there is no value),
    ``<key>_std.nii.gz`` for every standard deviation, ``quality.nii.gz``, ``flags.nii.gz``
    (uint8) and ``m0.nii.gz`` (complex64) where present, and ``maps.json`` with units,
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
    folder = Path(directory)
    if not len(maps):
        raise MRFInputError("no-maps", "there are no maps to save")
    volumes = _volumes(maps)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = _earlier_results(folder)
    except OSError as error:
        raise write_error(error, folder) from error
    if earlier and not overwrite:
        raise MRFInputError("exists", "the folder holds results already", path=folder,
                            found=", ".join(sorted(path.name for path in earlier)),
                            hint="Choose another folder, or allow them to be overwritten."
                            )  # fmt: skip
    files = {name: folder / f"{name}.nii.gz" for name in volumes}
    record_path = folder / RECORD_NAME
    with atomic_write_all([*files.values(), record_path]) as staged:
        sums = {}
        for name, values in volumes.items():
            write_volume(staged[files[name]], values, maps.affine)
            sums[name] = sha256_of(staged[files[name]])
        record = json.dumps(_record(maps, sums), indent=1, allow_nan=False) + "\n"
        staged[record_path].write_text(record, encoding="utf-8")
    for stale in earlier - set(files.values()) - {record_path}:
        try:
            stale.unlink(missing_ok=True)
        except OSError as error:
            raise write_error(error, stale) from error
    return [*files.values(), record_path]


def _volumes(maps: ParameterMaps) -> dict[str, Any]:
    volumes: dict[str, Any] = dict(maps)
    for name in COMPANIONS:
        values = getattr(maps, name)
        if values is not None:
            volumes[name] = values
    volumes |= {f"{key}_std": values for key, values in maps.uncertainty.items()}
    return volumes


def _earlier_results(folder: Path) -> set[Path]:
    names = [f"{name}.nii.gz" for name in (*PARAMETERS, *COMPANIONS, *DEVIATIONS)]
    candidates = {folder / name for name in (*names, RECORD_NAME)}
    return {path for path in candidates if path.exists()}


def _record(maps: ParameterMaps, sums: dict[str, str]) -> dict[str, Any]:
    files: dict[str, dict[str, Any]] = {}
    for name, sha256 in sums.items():
        entry: dict[str, Any] = {"file": f"{name}.nii.gz", "sha256": sha256}
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
        "format": RECORD_FORMAT,
        "version": 1,
        "software": {"name": "napari-mrf", "version": __version__},
        "affine": None if maps.affine is None else maps.affine.tolist(),
        "geometry": "unknown: the files carry the identity with codes 0, which means no geometry"
        if maps.affine is None
        else "affine to mm, voxel indices (x, y, z)",
        "maps": files,
        "provenance": maps.provenance,
    }
