"""The session of a viewer: series, maps, voxels, regions and long work, by subject."""

from napari_mrf.plugin.session.by_subject import BySubject
from napari_mrf.plugin.session.one_per_viewer import one_per_viewer, unwrapped
from napari_mrf.plugin.session.session import Session, session_of
from napari_mrf.plugin.session.state import SubjectState
from napari_mrf.plugin.session.values import MapsSet, PartialMaps, RegionChoice, Regions, Voxel

__all__ = [
    "BySubject",
    "MapsSet",
    "PartialMaps",
    "RegionChoice",
    "Regions",
    "Session",
    "SubjectState",
    "Voxel",
    "one_per_viewer",
    "session_of",
    "unwrapped",
]
