"""What two sets of maps still need before they are compared, and whether a comparison is old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.data.geometry import grid_difference
from napari_mrf.plugin.panels.compare.panel import SIDES
from napari_mrf.plugin.panels.compare.work import Compared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.plugin.session import Session


def needs_of(session: Session, names: Mapping[str, str]) -> str:
    """Return what the user has to do before he can compare, empty when nothing is missing.

    Parameters
    ----------
    session : Session
        Whose maps, series and regions they are.
    names : mapping of str to str
        The name of the set that is picked, by side.
    """
    sets = session.maps_sets
    if not sets:
        return "Reconstruct the series first, or pick maps from a folder."
    missing = [side for side in SIDES if names[side] not in sets]
    if missing:
        return f"Pick the {' and the '.join(missing)}."
    reference, test = (sets[names[side]] for side in SIDES)
    if reference is test:
        return "Pick two different sets of maps."
    if session.comparison.status.is_running:
        return "Wait for this comparison, or cancel it."
    regions = session.regions
    if regions is not None and grid_difference(regions, reference.maps):
        return ("The regions lie on another grid than the reference. Pick maps of this series, "
                "or load regions for these maps.")  # fmt: skip
    return ""


def age_of(compared: Any, session: Session) -> str:
    """Return what has changed since two sets were compared, empty when nothing has.

    Parameters
    ----------
    compared : Compared, ComparedCohort or None
        What is shown. Of several subjects, whose maps are files, nothing changes in the session.
    session : Session
        What maps and regions are now.
    """
    if not isinstance(compared, Compared):
        return ""
    for one in (compared.reference, compared.test):
        if session.maps_sets.get(one.name) is not one:
            return f"The maps {one.name} have changed since this comparison."
    if compared.regions is not session.regions:
        return "The regions have changed since this comparison."
    return ""
