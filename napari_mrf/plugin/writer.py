"""Writer of map layers to NIfTI, on the grid of their file and not as they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.io import save_maps
from napari_mrf.plugin.layers import maps_of


def write_maps(path: str, layer_data: list[tuple[Any, dict[str, Any], str]]) -> list[str]:
    """Write map layers to a folder, one NIfTI file each, with their provenance.

    Parameters
    ----------
    path : str
        As typed in the dialog; the folder has the same name without the suffix.
    layer_data : list of tuple
        Layers as napari passes them; all of one set of maps.

    Returns
    -------
    list of str
        Paths of the files that were written.

    Raises
    ------
    MRFInputError
        ``"not-maps"`` for other layers or maps of several sets, and what
        `napari_mrf.save_maps` raises.
    """
    layers = [maps_of(attributes.get("metadata", {})) for _, attributes, _ in layer_data]
    found = [one for one in layers if one is not None]
    if not found or len(found) < len(layers) or len({id(maps) for maps, _ in found}) > 1:
        raise MRFInputError("not-maps", "only the maps of one reconstruction are written here",
                            path=path, hint="Select the layers of one method.")  # fmt: skip
    maps = found[0][0]
    keys = [key for _, key in found]
    chosen = ParameterMaps(
        {key: maps[key] for key in maps if key in keys and key in PARAMETERS},
        quality=maps.quality if "quality" in keys else None,
        flags=maps.flags if "flags" in keys else None,
        uncertainty={
            key: values for key, values in maps.uncertainty.items() if f"{key}_std" in keys
        },
        affine=maps.affine,
        provenance=maps.provenance,
    )
    name = path[:-7] if path.lower().endswith(".nii.gz") else str(Path(path).with_suffix(""))
    return [str(written) for written in save_maps(chosen, name)]
