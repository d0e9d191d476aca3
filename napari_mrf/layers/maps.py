"""The maps of a set as image layers, filled while a run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.io.maps_writer import DEVIATIONS
from napari_mrf.layers.attributes import add_image, parameter_colormap
from napari_mrf.layers.metadata import MAPS_KEY, find_set
from napari_mrf.orientation import DisplayOrientation
from napari_mrf.parameters import PARAMETERS, validity_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.maps import ParameterMaps


def show_maps(viewer: Any, set_name: str, maps: ParameterMaps) -> None:
    """Show the maps of a set, in the layers it has or in new ones with the first map visible.

    Parameters
    ----------
    viewer : napari viewer
        Where to show them.
    set_name : str
        Layers are named ``"<set_name> · <parameter>"``.
    maps : ParameterMaps
        Complete, or still empty (NaN) and filled by `show_slice`.
    """
    orientation = DisplayOrientation.from_affine(maps.affine)
    existing = find_set(viewer, set_name)
    for key in [key for key in existing if key not in PARAMETERS]:
        viewer.layers.remove(existing.pop(key))
    front = next((key for key in ("FF", "T1") if key in maps), next(iter(maps), None))
    for key in reversed(list(maps)):
        values = np.array(orientation.to_screen(maps[key]))
        if key in existing:
            existing[key].data = values
            existing[key].metadata[MAPS_KEY] = maps
        else:
            parameter = PARAMETERS[key]
            add_image(
                viewer,
                values,
                set_name,
                key,
                maps,
                limits=parameter.display_limits,
                colormap=parameter_colormap(key),
                visible=key == front,
            )


def show_slice(viewer: Any, set_name: str, maps: ParameterMaps, z: int | None) -> None:
    """Copy one finished file slice, or all of them, into the layers of a set."""
    orientation = DisplayOrientation.from_affine(maps.affine)
    for key, layer in find_set(viewer, set_name).items():
        if key not in maps:
            continue
        values = orientation.to_screen(maps[key])
        if z is None:
            layer.data[...] = values
        else:
            at = orientation.screen_index((z, 0, 0), maps.spatial_shape)[0]
            layer.data[at] = values[at]
        layer.refresh()


def apply_validity(
    viewer: Any, set_name: str, maps: ParameterMaps, thresholds: Mapping[str, float] | None
) -> None:
    """Hide what the validity rules leave out, or show all; the maps keep every value.

    Parameters
    ----------
    viewer : napari viewer
        Where the set is shown.
    set_name : str
        Name of the set.
    maps : ParameterMaps
        Its maps.
    thresholds : mapping or None
        Fat-fraction threshold by parameter; None shows every value.
    """
    rules = {} if thresholds is None or "FF" not in maps else validity_rules(thresholds)
    orientation = DisplayOrientation.from_affine(maps.affine)
    for name, layer in find_set(viewer, set_name).items():
        key = DEVIATIONS.get(name, name)
        values = (maps.uncertainty if name in DEVIATIONS else maps).get(key)
        if values is None or PARAMETERS[key].validity is None:
            continue
        if key in rules:
            values = np.where(rules[key].mask(maps["FF"]), values, np.float32(np.nan))
        layer.data = np.array(orientation.to_screen(values))
