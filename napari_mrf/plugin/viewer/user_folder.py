"""The folder in which the user of a viewer works: that of the series or raw file."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import ref

import napari_mrf
from napari_mrf.plugin.kit.files.dialogs import offer_folder
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.raw.files import raw_files_of


def user_folder(viewer: Any) -> Path | None:
    """Return the folder of what the step Series shows, None where that is nothing of the user's.

    Samples lie in the package, or in the folder of its data, where nobody keeps own files.
    """
    series, file = session_of(viewer).series, raw_files_of(viewer).current
    path = file.path if file is not None else None if series is None else series.source_path
    if not path:
        return None
    folder = Path(path).resolve().parent
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
