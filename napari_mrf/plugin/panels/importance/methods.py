"""The methods that the Importance panel offers, and their options."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.panels.shared.catalogue import Catalogue, MethodMemory, list_catalogue
from napari_mrf.plugin.panels.shared.own_weights import OWN_WEIGHTS
from napari_mrf.plugin.session import session_of
from napari_mrf.reconstruction.provenance import options_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.panels.importance.panel import ImportancePanel


class ImportanceMethods:
    """The list of methods for the sequence of the series, and their options.

    The method should be measured as it made the maps: its options are those of the newest maps
    of the method, until the user changes them.

    Parameters
    ----------
    viewer : napari viewer
        The viewer of the session.
    panel : ImportancePanel
        The view with the methods.

    Attributes
    ----------
    changed : Signal()
        Another method was chosen, or whether there is one to choose has changed.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, panel: ImportancePanel) -> None:
        self.panel = panel
        self.session = session_of(viewer)
        self.catalogue = Job()
        self._listed_for: Sequence | None = None
        self._memory = MethodMemory()
        self._wanted: dict[str, Any] = {}
        panel.method_changed.connect(self._on_method_changed)
        self.bond = Bond(panel)
        self.bond.connect(self.session.series_changed, self._on_series_changed)
        self.bond.connect(self.session.maps_changed, self._on_maps_changed)
        self.bond.connect(OWN_WEIGHTS.added, self._on_weights_added)
        self.bond.connect(self.catalogue.changed, self._on_catalogue_changed)
        self.bond.connect(self.catalogue.succeeded, self._on_catalogue_listed)
        self._list()

    def choose(self, wanted: Mapping[str, Any]) -> None:
        """Choose ``"method"`` and ``"options"``, as soon as the methods are listed."""
        self._wanted = dict(wanted)
        if OWN_WEIGHTS.remember(str(wanted.get("method", ""))):
            self._listed_for = None
            self._list()
        if not self.catalogue.status.is_running:
            self._choose_wanted()

    def _choose_wanted(self) -> None:
        wanted, self._wanted = self._wanted, {}
        self.panel.choose_method(str(wanted.get("method", "")))
        self._enter(wanted.get("options"))

    def _enter(self, options: Any) -> None:
        """Enter options as far as they fit; a session file may hold anything."""
        for name, value in options.items() if isinstance(options, dict) else ():
            with suppress(TypeError, ValueError, OverflowError):
                self.panel.options.set_value(str(name), value)

    def _list(self) -> None:
        series = self.session.series
        sequence = series.sequence if series is not None else None
        if sequence is None:
            self._listed_for = None
            self.panel.set_methods((), "")
        elif self._listed_for != sequence:
            self._listed_for = sequence
            self.catalogue.cancel()
            self.catalogue.start("Methods", list_catalogue, sequence)

    def _on_weights_added(self, card: str) -> None:
        if OWN_WEIGHTS.fits(card, self._listed_for):
            self._listed_for = None
            self._list()

    def _take_options(self, method: str) -> None:
        """Set the options of a method to those of its newest maps."""
        series = self.session.series
        if series is None or series.sequence is None:
            return
        for maps_set in reversed(list(self.session.maps_sets.values())):
            record = maps_set.maps.provenance.get("method", {})
            if isinstance(record, dict) and record.get("name") == method:
                with suppress(KeyError, TypeError, ValueError, AttributeError):
                    # maps from disk may say anything
                    self._enter(options_of(maps_set.maps.provenance, series.sequence))
                return

    def _on_method_changed(self, method: str) -> None:
        self._take_options(method)
        self.changed.emit()

    def _on_series_changed(self, series: MRFSeries | None) -> None:
        self._list()
        self.changed.emit()

    def _on_maps_changed(self, name: str) -> None:
        maps_set = self.session.maps_sets.get(name)
        record = {} if maps_set is None else maps_set.maps.provenance.get("method", {})
        method = self.panel.current_method()
        if method and isinstance(record, dict) and record.get("name") == method:
            self._take_options(method)

    def _on_catalogue_changed(self, status: JobStatus) -> None:
        if status.failure is not None:
            self.panel.notice.say(status.failure.sentence)
        self.changed.emit()

    def _on_catalogue_listed(self, catalogue: Catalogue) -> None:
        method = self._memory.method_for(self._listed_for, catalogue, self.panel.current_method())
        self.panel.set_methods(catalogue.methods, method)
        self._take_options(self.panel.current_method())
        self._choose_wanted()
        self.changed.emit()
