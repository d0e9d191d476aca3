"""Regions that were carried from another scan: shown as a proposal before they are accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from psygnal import Signal

from napari_mrf.data.geometry import Grid, grid_difference
from napari_mrf.errors import MRFInputError
from napari_mrf.plugin.jobs import Job
from napari_mrf.plugin.layers.attributes import spatial_attributes
from napari_mrf.plugin.layers.batch import is_removed_by_user, keeping_selection, remove_together
from napari_mrf.plugin.layers.metadata import PREVIEW_KEY, SET_KEY, TITLE_KEY
from napari_mrf.plugin.layers.order import place_in_front, place_under_pins
from napari_mrf.plugin.layers.regions import regions_layer_data
from napari_mrf.plugin.layers.subjects import is_here, is_shown, of_subject, show
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import BySubject, one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.rois.label_set import joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_mrf.analysis.registration.carry import CarriedLabels
    from napari_mrf.data.label import Label
    from napari_mrf.plugin.layers.regions import RegionGrid

_OWNER = "carried regions"
_CONTOUR = 2  # wider than the outlines of regions that count
_PERCENTILES = (1, 99)


@dataclass(frozen=True, eq=False)
class Proposal:
    """Regions that a scan may take from another one.

    Parameters
    ----------
    carried : CarriedLabels
        On the grid of the scan that may take them.
    grid : RegionGrid
        That grid.
    table : mapping of int to Label
        The names they had.
    source : str
        The scan they come from, in words for the user.
    by : str
        The map that was registered, or ``"magnitude"``.
    record : mapping
        How they came about, JSON-ready; see `CarriedLabels.record`.
    """

    carried: CarriedLabels
    grid: RegionGrid
    table: Mapping[int, Label]
    source: str
    by: str
    record: Mapping[str, Any]

    @property
    def is_magnitude(self) -> bool:
        """Whether the brightness of the two images may differ by a factor."""
        return self.by == "magnitude"

    def sentences(self) -> list[str]:
        """Return what the user should know before the regions are accepted."""
        n = len(np.unique(self.carried.values[self.carried.values > 0]))
        regions = "1 region" if n == 1 else f"{n} regions"
        return [f"Proposal: {regions} of {self.source}, by {self.by}. They count once you "
                "accept them.", *self.carried.sentences(self.table)]  # fmt: skip


class _Shown:
    """The proposal of a subject with its layers."""

    def __init__(self) -> None:
        self.proposal: Proposal | None = None
        self.labels: Any | None = None
        self.board: Any | None = None
        self.covered: list[Any] = []  # maps that were seen before the checkerboard


class CarriedRegions:
    """The proposals of one viewer, one for each subject.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.

    Attributes
    ----------
    changed : Signal()
        There is a proposal, or no longer, or its checkerboard was shown or hidden.
    job : Job
        Makes a proposal.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._session = session_of(viewer)
        self._editor = regions_editor_of(viewer)
        self._shown = BySubject(self._session, _Shown)
        self.job = Job()
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def here(self) -> Proposal | None:
        """The proposal for the current subject."""
        return self._shown.here.proposal

    @property
    def is_board_shown(self) -> bool:
        """Whether the checkerboard of the two scans is shown."""
        board = self._shown.here.board
        return board is not None and bool(board.visible)

    def propose(self, proposal: Proposal, subject: str) -> None:
        """Show a proposal for a subject, in place of an earlier one."""
        if self._session.name_of(subject):
            shown = self._shown.of(subject)
            self._close(shown)
            shown.proposal = proposal
            turns = layer_turns_of(self._viewer())
            turns.begin(_OWNER, self._showing(shown, proposal, subject))
            self.changed.emit()

    def show_board(self, is_wanted: bool) -> None:
        """Show squares of the two scans by turns under the proposal, or no longer."""
        shown, viewer = self._shown.here, self._viewer()
        if viewer is not None and is_wanted:
            shown.covered = _maps_seen(viewer)
        if viewer is not None and shown.board is not None:
            show(viewer, shown.board, is_wanted)
            if not is_wanted:
                self._uncover(shown)
        elif viewer is not None and shown.proposal is not None and is_wanted:
            key = self._session.subject.key
            layer_turns_of(viewer).begin(_OWNER, self._showing_board(shown, shown.proposal, key))
        self.changed.emit()

    def accept(self) -> None:
        """Make the proposal regions in a layer of their own: one step that can be undone.

        Raises
        ------
        MRFInputError
            ``"other-grid"`` where the subject shows another grid since then.
        """
        shown, grid = self._shown.here, self._editor.layers.grid()
        proposal = shown.proposal
        if proposal is None:
            return
        values = proposal.carried.values
        own = Grid(values.shape, proposal.carried.target.affine)
        difference = "nothing is shown" if grid is None else grid_difference(own, grid)
        if difference:
            raise MRFInputError(
                "other-grid", f"the proposal lies on another grid: {difference}",
                hint="Pick the series it was made for, or carry the regions again.",
            )  # fmt: skip
        self._close(shown)
        self._editor.ensure_shown()
        table = joined(proposal.table, self._editor.table)
        name = f"ROIs of {proposal.source}"
        self._editor.show_labels(values.astype(np.uint16), table, name=name,
                                 carried=proposal.record)  # fmt: skip
        self.changed.emit()

    def discard(self) -> None:
        """Forget the proposal for the current subject; its regions stay as they were."""
        self._close(self._shown.here)
        self.changed.emit()

    def _close(self, shown: _Shown) -> None:
        viewer = self._viewer()
        layers = [one for one in (shown.labels, shown.board) if one is not None]
        if shown.board is not None and is_shown(shown.board):
            self._uncover(shown)
        shown.proposal = shown.labels = shown.board = None
        if viewer is not None and layers:
            layer_turns_of(viewer).begin(_OWNER, self._removing(layers))

    def _uncover(self, shown: _Shown) -> None:
        """Show again the maps that the checkerboard took the place of."""
        viewer = self._viewer()
        for layer in shown.covered:
            if viewer is not None and layer in viewer.layers:
                show(viewer, layer)
        shown.covered = []

    def _removing(self, layers: list[Any]) -> Iterator[None]:
        viewer = self._viewer()
        if viewer is not None:
            remove_together(viewer, [one for one in layers if one in viewer.layers])
        yield

    def _showing(self, shown: _Shown, proposal: Proposal, subject: str) -> Iterator[None]:
        from napari.layers import Labels

        viewer = self._viewer()
        if viewer is None or shown.proposal is not proposal:
            return
        name = "Proposal: ROIs"
        data, attributes, _ = regions_layer_data(proposal.grid, proposal.table,
                                                 proposal.carried.values, name)  # fmt: skip
        layer = Labels(data, **(attributes | self._ours(name, subject)))
        layer.opacity, layer.contour = 1.0, _CONTOUR
        with keeping_selection(viewer):
            viewer.layers.insert(place_under_pins(viewer), layer)
        layer.editable = False
        shown.labels = layer
        yield

    def _showing_board(self, shown: _Shown, proposal: Proposal, subject: str) -> Iterator[None]:
        from napari.layers import Image

        viewer = self._viewer()
        if viewer is None or shown.proposal is not proposal:
            return
        values = proposal.carried.checkerboard(is_scaled=proposal.is_magnitude)
        yield
        known = values[np.isfinite(values)]
        low, high = np.percentile(known, _PERCENTILES) if known.size else (0.0, 1.0)
        grid = proposal.grid
        layer = Image(
            np.ascontiguousarray(grid.orientation.to_screen(values)),
            colormap="gray",
            contrast_limits=(float(low), max(float(high), float(low) + 1e-6)),
            interpolation2d="nearest",
            **self._ours("Proposal: checkerboard", subject),
            **spatial_attributes(grid.affine, grid.voxel_sizes_mm, grid.orientation),
        )
        layer.metadata[TITLE_KEY] = f"{proposal.by} of both scans"
        with keeping_selection(viewer):
            viewer.layers.insert(place_in_front(viewer), layer)
        shown.board = layer
        self.changed.emit()
        yield

    def _ours(self, name: str, subject: str) -> dict[str, Any]:
        found = of_subject(self._viewer(), name, subject=subject)
        found["metadata"][PREVIEW_KEY] = True
        return found

    def _on_removed(self, event: Any) -> None:
        """Take the removal of the layer by the user as a no."""
        keys = [self._session.subject.key, *(one.key for one in self._session.subjects)]
        for shown in map(self._shown.of, dict.fromkeys(keys)):
            if event.value is shown.board:
                shown.board = None
                self.changed.emit()
            elif event.value is shown.labels and is_removed_by_user(event.value):
                shown.labels = None
                self._close(shown)
                self._editor.told.emit("The proposal was discarded with its layer.", "note")
                self.changed.emit()


def _maps_seen(viewer: Any) -> list[Any]:
    return [
        one for one in viewer.layers
        if one.visible and SET_KEY in one.metadata and is_here(viewer, one)
    ]  # fmt: skip


carried_regions_of = one_per_viewer(CarriedRegions)
"""Return the proposals of a viewer."""
