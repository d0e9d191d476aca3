"""Layers of several subjects in one viewer: their names, and which of them are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from napari_mrf.plugin.layers.metadata import (
    MEAN_KEY,
    NAMES_KEY,
    SERIES_KEY,
    SUBJECT_KEY,
    TITLE_KEY,
)
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN_KEY = "mrf_plain_name"
"""Metadata: the name of a layer without its subject."""

_GIVEN_KEY = "mrf_given_name"
"""Metadata: the name that a layer was given last, which tells a name that the user gave."""

_SHOWN_KEY = "mrf_shown"
"""Metadata of a layer of a subject that is not the current one: whether it is shown with it."""

# What changes with the display, or from window to window, says nothing of what a layer is.
_LOOKS = (TITLE_KEY, NAMES_KEY, MEAN_KEY, SUBJECT_KEY, _PLAIN_KEY, _GIVEN_KEY, _SHOWN_KEY)


def of_subject(
    viewer: Any, name: str, *, visible: bool = True, subject: str | None = None
) -> dict[str, Any]:
    """Return name, visibility and metadata that make a new layer one of a subject.

    Parameters
    ----------
    viewer : napari viewer
        The layer will be added to it.
    name : str
        ``"<method> · <parameter>"``; with several subjects the name of the subject precedes it.
    visible : bool
        Whether it is shown while its subject is.
    subject : str, optional
        Key of the subject; the current one without.

    Returns
    -------
    dict
        ``"name"``, ``"visible"`` and ``"metadata"``.
    """
    session = session_of(viewer)
    here = session.subject.key
    key = here if subject is None else subject
    given = _full_name(session, key, name)
    metadata: dict[str, Any] = {SUBJECT_KEY: key, _PLAIN_KEY: name, _GIVEN_KEY: given}
    if key != here:
        metadata[_SHOWN_KEY] = visible
    return {"name": given, "visible": visible and key == here, "metadata": metadata}


def plain_name(layer: Any) -> str:
    """Return the name of a layer without its subject."""
    return str(layer.metadata.get(_PLAIN_KEY, layer.name))


def name_alone(layer: Any) -> str:
    """Return the name of a layer without its subject, or the one that the user gave."""
    return str(layer.name) if has_own_name(layer) else plain_name(layer)


def identity_of(layer: Any) -> dict[str, str | list[str]]:
    """Return what a layer of ours shows, JSON-ready; no two layers of a subject show the same.

    The words of its metadata, as the set and the parameter of a map; what has none (a series,
    regions, a mask) is told by its keys and its name.
    """
    words: dict[str, str | list[str]] = {}
    for key, value in layer.metadata.items():
        if str(key).startswith("mrf_") and key not in _LOOKS:
            is_words = isinstance(value, tuple) and all(isinstance(one, str) for one in value)
            words[key] = value if isinstance(value, str) else list(value) if is_words else ""
    return words if any(words.values()) else {**words, "name": name_alone(layer)}


def claim(viewer: Any, layer: Any) -> None:
    """Make a layer that belongs to nobody yet one of the current subject."""
    if SUBJECT_KEY not in layer.metadata:
        layer.metadata[SUBJECT_KEY] = session_of(viewer).subject.key


def is_here(viewer: Any, layer: Any) -> bool:
    """Return whether a layer belongs to the current subject or to none."""
    key = session_of(viewer).subject.key
    return bool(layer.metadata.get(SUBJECT_KEY, key) == key)


def show(viewer: Any, layer: Any, is_shown: bool = True) -> None:
    """Show or hide a layer, as soon as its subject is the current one."""
    if not is_here(viewer, layer):
        layer.metadata[_SHOWN_KEY] = is_shown
    elif layer.visible != is_shown:  # napari draws again at every assignment
        layer.visible = is_shown


def is_shown(layer: Any) -> bool:
    """Return whether a layer is visible, or will be once its subject is the current one."""
    return bool(layer.visible or layer.metadata.get(_SHOWN_KEY))


def layers_of_subject(viewer: Any, key: str) -> list[Any]:
    """Return all layers of a subject."""
    return [layer for layer in viewer.layers if layer.metadata.get(SUBJECT_KEY) == key]


def hide_others_by_turns(viewer: Any) -> Iterator[None]:
    """Hide the layers of other subjects, and note which were shown; yield after every one."""
    key = session_of(viewer).subject.key
    for layer in [one for one in viewer.layers if one.metadata.get(SUBJECT_KEY, key) != key]:
        layer.metadata.setdefault(_SHOWN_KEY, layer.visible)
        if layer.visible:
            layer.visible = False
            yield


def show_own_by_turns(viewer: Any) -> Iterator[None]:
    """Show the layers of the current subject that were shown; yield after every one."""
    for layer in layers_of_subject(viewer, session_of(viewer).subject.key):
        if layer.metadata.pop(_SHOWN_KEY, False) and not layer.visible and layer in viewer.layers:
            layer.visible = True
            yield


def waits(layer: Any) -> bool:
    """Return whether a layer waits, hidden, for its subject to be the current one."""
    return _SHOWN_KEY in layer.metadata


def hide_unless_here(viewer: Any, layer: Any) -> None:
    """Let a layer that comes back be seen only while its subject is; see `show`."""
    if is_here(viewer, layer):
        layer.visible = layer.metadata.pop(_SHOWN_KEY, layer.visible)
    else:
        layer.metadata.setdefault(_SHOWN_KEY, layer.visible)
        layer.visible = False


def rename_layers(viewer: Any) -> None:
    """Put the names of the subjects before those of their layers, or take them away.

    Names that the user gave stay.
    """
    session = session_of(viewer)
    for layer in viewer.layers:
        plain = layer.metadata.get(_PLAIN_KEY)
        if plain is None or has_own_name(layer):
            continue
        naming = _series_name if SERIES_KEY in layer.metadata else _full_name
        given = naming(session, layer.metadata[SUBJECT_KEY], plain)
        if given != layer.metadata[_GIVEN_KEY] or given != layer.name:
            layer.metadata[_GIVEN_KEY] = given
            layer.name = given


def rename_plainly(viewer: Any, layer: Any, plain: str) -> None:
    """Rename a layer of a subject, whose name precedes it where there are two."""
    given = _full_name(session_of(viewer), layer.metadata[SUBJECT_KEY], plain)
    layer.metadata.update({_PLAIN_KEY: plain, _GIVEN_KEY: given})
    layer.name = given


def has_own_name(layer: Any) -> bool:
    """Return whether a layer of a subject has a name that the user gave."""
    return layer.metadata.get(_GIVEN_KEY) not in (layer.name, _without_number(layer.name))


def keep_name(layer: Any) -> None:
    """Rename a layer no more."""
    layer.metadata.pop(_PLAIN_KEY, None)


def claim_series(viewer: Any, layer: Any) -> None:
    """Note on a layer of a series whose scan it shows, and give it a name that says so."""
    session = session_of(viewer)
    series = layer.metadata.get(SERIES_KEY)
    if series is None or (key := session.subject_of(series)) is None:
        return
    layer.metadata[SUBJECT_KEY] = key
    if _GIVEN_KEY not in layer.metadata:
        # Those of files are told apart by their subjects, not by the number that napari gives.
        plain = _without_number(layer.name) if series.source_path else layer.name
        layer.metadata.update({_PLAIN_KEY: plain, _GIVEN_KEY: plain})
        rename_layers(viewer)


def _series_name(session: Any, key: str, plain: str) -> str:
    """Return ``"brain (visit1) averaged"`` for ``"brain averaged"``."""
    title, name = session.title_of(key), session.name_of(key)
    return name + plain[len(title) :] if title and plain.startswith(title) and name else plain


def _full_name(session: Any, key: str, name: str) -> str:
    subject = session.name_of(key) if len(session.subjects) > 1 else ""
    return f"{subject} · {name}" if subject else name


def _without_number(name: str) -> str:
    """Return a name without the number that napari adds to a second one of it."""
    return re.sub(r" \[\d+\]$", "", name)
