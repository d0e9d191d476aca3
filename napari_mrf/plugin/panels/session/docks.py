"""The docks of a viewer: what the session asks of them, and to whom it speaks."""

from __future__ import annotations

from typing import Any
from weakref import ref

from qtpy.compat import isalive

from napari_mrf.plugin.kit.section import Section
from napari_mrf.plugin.session import one_per_viewer


class Docks:
    """The MRF docks that are open in a viewer; it keeps none of them."""

    def __init__(self) -> None:
        self._docks: list[ref[Any]] = []

    def add(self, dock: Any) -> None:
        """Note a dock: a widget with `bindings` by step and a `session_binding`."""
        self._docks.append(ref(dock))

    def open(self) -> list[Any]:
        """Return the docks that stand in a window, the youngest last."""
        return [dock for dock in self._alive() if dock.parent() is not None]

    def bindings(self) -> dict[str, Any]:
        """Return the controllers of all steps that have a panel, by key."""
        return {key: one for dock in self._alive() for key, one in dock.bindings.items()}

    def sections(self) -> dict[str, Section]:
        """Return the sections of the dock of all steps, and those within them.

        By the key of the step, and ``"key/title"``. A dock of a single step is one to look at it.
        """
        steps = [one for dock in self._alive() if len(dock.sections) > 1
                 for one in dock.sections.items()]  # fmt: skip
        within = {f"{key}/{inner.title}": inner
                  for key, section in steps for inner in section.findChildren(Section)}  # fmt: skip
        return {**dict(steps), **within}

    def _alive(self) -> list[Any]:
        docks = [dock for one in self._docks if (dock := one()) is not None and isalive(dock)]
        self._docks = [ref(dock) for dock in docks]
        return docks


docks_of = one_per_viewer(lambda _: Docks())
"""Return the docks of a viewer."""
