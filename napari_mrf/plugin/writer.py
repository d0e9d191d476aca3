"""Writer of map layers to NIfTI, on the grid of their file and not as they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari

from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.io import save_maps
from napari_mrf.plugin.layers import maps_of
from napari_mrf.plugin.session import session_of


def write_maps(path: str, layer_data: list[tuple[Any, dict[str, Any], str]]) -> list[str]:
    """Write map layers to a folder, one NIfTI file each, with their provenance.

    With all maps of a set their quality, uncertainty, flags and scale are written too, as by
    *Save maps…*, and the set counts as saved. Some of its maps are less than the set.

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
    maps, keys = found[0][0], [key for _, key in found]
    name = path[:-7] if path.lower().endswith(".nii.gz") else str(Path(path).with_suffix(""))
    if set(maps) <= set(keys):
        written = save_maps(maps, name)
        _mark_saved(maps, Path(name).absolute())
    else:
        written = save_maps(_chosen(maps, keys), name)
    return [str(file) for file in written]


def _chosen(maps: ParameterMaps, keys: list[str]) -> ParameterMaps:
    """Return the maps and companions with these keys."""
    return ParameterMaps(
        {key: maps[key] for key in maps if key in keys and key in PARAMETERS},
        quality=maps.quality if "quality" in keys else None,
        flags=maps.flags if "flags" in keys else None,
        uncertainty={
            key: values for key, values in maps.uncertainty.items() if f"{key}_std" in keys
        },
        affine=maps.affine,
        provenance=maps.provenance,
    )


def _mark_saved(maps: ParameterMaps, folder: Path) -> None:
    """Note in the window where a set is; one that was made anew since is another."""
    viewer = napari.current_viewer()
    if viewer is None:
        return
    session = session_of(viewer)
    for subject in session.subjects:
        for name, one in list(session.maps_sets_of(subject.key).items()):
            if one.maps is maps:
                session.mark_maps_saved(name, str(folder), subject.key)
