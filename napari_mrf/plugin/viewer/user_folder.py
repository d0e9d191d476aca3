"""The folder in which the user of a viewer works: that of the series."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import ref

import napari_mrf
from napari_mrf.plugin.kit.files.dialogs import offer_folder
from napari_mrf.plugin.session import session_of, unwrapped


def user_folder(viewer: Any) -> Path | None:
    """Return the folder of the series, None without one and for series that are not the user's.

    Samples lie in the package, or in the folder of its data, where nobody keeps own files.
    """
    series = session_of(viewer).series
    if series is None or not series.source_path:
        return None
    folder = Path(series.source_path).resolve().parent
    return None if any(folder.is_relative_to(one) for one in _own_folders()) else folder


def offer_user_folder(viewer: Any, dock: Any) -> None:
    """Let the dialogs of a dock, and of tables beside it, begin in the folder of the user."""
    viewer = unwrapped(viewer)
    window = getattr(getattr(viewer, "window", None), "_qt_window", None)
    alive = ref(viewer)  # the offer must not keep it
    for widget in (dock, window):
        if widget is not None:
            offer_folder(widget, lambda: user_folder(found) if (found := alive()) else None)


def _own_folders() -> list[Path]:
    from platformdirs import user_cache_path, user_data_path

    package = Path(napari_mrf.__file__).resolve().parent
    kept = (user_data_path("napari-mrf", appauthor=False), user_cache_path("napari-mrf"))
    return [package, package.parent / "sample_data", *(one.resolve() for one in kept)]
