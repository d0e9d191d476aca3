"""The session file of each subject, and what it held when this window last read or wrote it.

Apart from the controller: it stays with the viewer when the dock is closed and opened again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.session import BySubject, one_per_viewer, session_of

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class SessionPlace:
    """Where the session of a subject is saved.

    Parameters
    ----------
    path : Path or None
        None while it is in no file.
    sha256 : str
        Of the file, as this window left it.
    outlines : list
        The polygons in it, as `outline_record` gives them; label files cannot hold them.
    """

    path: Path | None = None
    sha256: str = ""
    outlines: list[Any] = field(default_factory=list)

    def known_at(self, path: Path) -> str:
        """Return the sha256 of the file that may be replaced there without a question."""
        is_own = self.path is not None and path.absolute() == self.path.absolute()
        return self.sha256 if is_own else ""


session_places_of = one_per_viewer(lambda viewer: BySubject(session_of(viewer), SessionPlace))
"""Return the places of the sessions of a viewer, by subject."""
