"""Sections, grid mode, rules of drawing and profile line: for a session file, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plugin.layers.closeup.profile_line import (
    ends_of_profile,
    profile_layer,
    show_profile_line,
)
from napari_mrf.plugin.panels.session.docks import docks_of
from napari_mrf.plugin.regions.brush import PaintLimit
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_mrf.io.session.file import GridRecord, LimitRecord, ViewsRecord

_GRID = ("shape", "stride", "spacing", "enabled")


def views_of(viewer: Any) -> dict[str, Any]:
    """Return the fields of a `ViewsRecord` for the current subject."""
    rules, grid = regions_editor_of(viewer).rules, viewer.canvas.grid
    line, limit = profile_layer(viewer), rules.limit
    return {
        "sections": {key: one.is_open() for key, one in docks_of(viewer).sections().items()},
        "grid": {name: getattr(grid, name) for name in _GRID},
        "spares_others": rules.spares_others,
        "limit": None if limit is None else {
            "maps": limit.set_name, "parameter": limit.key,
            "low": float(limit.low), "high": float(limit.high),
        },
        "profile": None if line is None else ends_of_profile(line),
    }  # fmt: skip


def show_line(viewer: Any, record: ViewsRecord, remarks: list[str]) -> None:
    """Show the profile line; one that is nowhere near the series gets a remark."""
    series = session_of(viewer).series
    if record.profile is None:
        return
    if series is None or not all(
        -n <= at <= 2 * n for end in record.profile
        for at, n in zip(end, series.spatial_shape, strict=True)
    ):  # fmt: skip
        remarks.append("The profile line was left out: it does not lie on the series.")
    else:
        show_profile_line(viewer, series, record.profile)


def show_views(viewer: Any, record: ViewsRecord, remarks: list[str]) -> Iterator[None]:
    """Open and close sections, draw by the same rules, and stand layers side by side as before.

    One a turn; what is not possible gets a remark and stays as it is.
    """
    rules = regions_editor_of(viewer).rules
    rules.set_spares_others(record.spares_others)
    fault = _limit_fault(rules.maps(), record.limit)
    if fault:
        remarks.append(f"Drawing is not limited to a range: {fault}.")
    if record.limit is None or fault:
        rules.set_limit(None)
    else:
        one = record.limit
        rules.set_limit(PaintLimit(one.maps, one.parameter, one.low, one.high))
    yield
    sections = docks_of(viewer).sections()
    unknown = [key for key in record.sections if key not in sections]
    if sections and unknown:
        remarks.append(f"The dock has no section {', '.join(unknown)} to open or close.")
    for key, is_open in record.sections.items():
        if key in sections and sections[key].is_open() is not is_open:
            # Those of the dock would scroll to themselves.
            sections[key].blockSignals("/" not in key)
            sections[key].set_open(is_open)
            sections[key].blockSignals(False)
            yield
    if record.grid is not None:
        _show_grid(viewer, record.grid, remarks)


def _limit_fault(maps: list[tuple[str, str]], limit: LimitRecord | None) -> str:
    """Return what is wrong with a limit of drawing; empty for nothing."""
    if limit is None:
        return ""
    if (limit.maps, limit.parameter) not in maps:
        return f"there is no map {limit.parameter} of {limit.maps}"
    low, high = PARAMETERS[limit.parameter].valid_range
    if not low <= limit.low <= limit.high <= high:
        return (f"{limit.parameter} from {limit.low:g} to {limit.high:g} is no range of values "
                "that the map can have")  # fmt: skip
    return ""


def _show_grid(viewer: Any, record: GridRecord, remarks: list[str]) -> None:
    grid = viewer.canvas.grid
    before = {name: getattr(grid, name) for name in _GRID}
    try:
        for name in _GRID:
            setattr(grid, name, getattr(record, name))
    except ValueError:  # numbers that napari does not take
        for name, value in before.items():
            setattr(grid, name, value)
        remarks.append(f"Layers do not stand beside each other as before: a grid of the shape "
                       f"{record.shape}, stride {record.stride} and spacing {record.spacing:g} is "
                       "not possible.")  # fmt: skip
