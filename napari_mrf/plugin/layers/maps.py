"""The maps of a set as image layers, filled while a run goes on."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.orientation import DisplayOrientation
from napari_mrf.data.parameters import PARAMETERS, validity_rules
from napari_mrf.io.maps.writer import DEVIATIONS
from napari_mrf.plugin.layers.attributes import add_image, parameter_colormap
from napari_mrf.plugin.layers.batch import keeping_selection
from napari_mrf.plugin.layers.metadata import MAPS_KEY, find_set
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps


def show_maps(viewer: Any, set_name: str, maps: ParameterMaps) -> None:
    """Show the maps of a set, in the layers it has or in new ones with the first map visible.

    Parameters
    ----------
    viewer : napari viewer
        Where to show them.
    set_name : str
        Layers are named ``"<set_name> · <parameter>"``, with the subject in front where there are
        two.
    maps : ParameterMaps
        Complete, or still empty (NaN) and filled by `show_slice`.
    """
    for _ in show_maps_by_turns(viewer, set_name, maps):
        pass


def show_maps_by_turns(
    viewer: Any,
    set_name: str,
    maps: ParameterMaps,
    thresholds: Callable[[], Mapping[str, float] | None] | None = None,
    subject: str | None = None,
) -> Iterator[None]:
    """Show the maps of a set like `show_maps`; yield after every layer, the visible one first.

    Parameters
    ----------
    viewer : napari viewer
        Where to show them.
    set_name : str
        Name of the set.
    maps : ParameterMaps
        Its maps.
    thresholds : callable, optional
        Returns what `apply_validity` takes, asked before every layer.
    subject : str, optional
        Key of the subject; the one that is current now without.
    """
    subject = session_of(viewer).subject.key if subject is None else subject
    front = next((key for key in ("FF", "T1") if key in maps), next(iter(maps), None))
    for key in sorted(maps, key=lambda one: one != front):
        values = values_on_screen(maps, key, thresholds() if thresholds is not None else None)
        existing = find_set(viewer, set_name, subject)
        if key in existing:
            existing[key].data = values
            existing[key].metadata[MAPS_KEY] = maps
        else:
            is_chosen = key == front and subject == session_of(viewer).subject.key
            with nullcontext() if is_chosen else keeping_selection(viewer):
                add_image(
                    viewer,
                    values,
                    set_name,
                    key,
                    maps,
                    limits=PARAMETERS[key].display_limits,
                    colormap=parameter_colormap(key),
                    visible=key == front,
                    at=_place(viewer, existing, list(maps), key),
                    subject=subject,
                )
        yield


def show_slice(
    viewer: Any, set_name: str, maps: ParameterMaps, z: int | None, subject: str | None = None
) -> None:
    """Copy one finished file slice, or all of them, into the layers of a set of a subject."""
    orientation = DisplayOrientation.from_affine(maps.affine)
    for key, layer in find_set(viewer, set_name, subject).items():
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
    viewer: Any,
    set_name: str,
    maps: ParameterMaps,
    thresholds: Mapping[str, float] | None,
    subject: str | None = None,
) -> None:
    """Hide values that are not valid, or show all; the maps keep every value.

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
    subject : str, optional
        Key of the subject; the current one without.
    """
    for name, layer in find_set(viewer, set_name, subject).items():
        key = DEVIATIONS.get(name, name)
        values = (maps.uncertainty if name in DEVIATIONS else maps).get(key)
        if values is not None and PARAMETERS[key].validity is not None:
            layer.data = values_on_screen(maps, name, thresholds)


def values_on_screen(
    maps: ParameterMaps, name: str, thresholds: Mapping[str, float] | None
) -> NDArray[np.float32]:
    """Return a map, or a standard deviation by its name, in screen order.

    Parameters
    ----------
    maps : ParameterMaps
        In file order.
    name : str
        A parameter, or the name of its standard deviation (``"FF_std"``).
    thresholds : mapping or None
        As for `apply_validity`; what is not valid is NaN.

    Returns
    -------
    ndarray
        (slice, row, column), a copy.
    """
    key = DEVIATIONS.get(name, name)
    values = (maps.uncertainty if name in DEVIATIONS else maps)[key]
    rules = {} if thresholds is None or "FF" not in maps else validity_rules(thresholds)
    if key in rules:
        values = np.where(rules[key].mask(maps["FF"]), values, np.float32(np.nan))
    return np.array(DisplayOrientation.from_affine(maps.affine).to_screen(values))


def _place(viewer: Any, existing: Mapping[str, Any], keys: list[str], key: str) -> int | None:
    """Return where in the layer list a map goes: the first of the keys is on top."""
    at = keys.index(key)
    for below in keys[at + 1 :]:
        if below in existing:
            return int(viewer.layers.index(existing[below])) + 1
    for above in reversed(keys[:at]):
        if above in existing:
            return int(viewer.layers.index(existing[above]))
    return None
