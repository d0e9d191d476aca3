"""A session is shown as a subject: layers, then regions, pins, panels and view."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_mrf.plugin.layers import series_of
from napari_mrf.plugin.layers.subjects import rename_plainly
from napari_mrf.plugin.panels.session.items import show_items
from napari_mrf.plugin.panels.session.looks import companions_in, show_looks, show_view
from napari_mrf.plugin.panels.session.place import session_places_of
from napari_mrf.plugin.panels.session.study import drawn_outlines, layer_in_use
from napari_mrf.plugin.panels.session.views import show_line, show_views
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.regions.other_regions import other_regions_of
from napari_mrf.plugin.session import MapsSet, RegionChoice, Regions, session_of, unwrapped
from napari_mrf.plugin.viewer.canvas_texts import show_canvas_texts
from napari_mrf.plugin.viewer.layer_turns import SESSION, layer_turns_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.plugin.viewer.mean_display import mean_display_of
from napari_mrf.plugin.viewer.raw.files import raw_files_of
from napari_mrf.plugin.viewer.subjects_display import subjects_display_of
from napari_mrf.plugin.viewer.unsaved import unsaved_of
from napari_mrf.rois.polygons import outlines_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from napari.components import ViewerModel

    from napari_mrf.io.session.contents import SessionContents
    from napari_mrf.plugin.panels.session.bar import SessionBar
    from napari_mrf.plugin.panels.session.work import OpenedStudy

_END = object()


class SessionRestoring:
    """Shows sessions, each as a subject of its own.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the subjects.
    bar : SessionBar
        The view for remarks.
    bindings : mapping
        The steps of the dock by key, whose options are set.
    """

    def __init__(self, viewer: ViewerModel, bar: SessionBar, bindings: Mapping[str, Any]) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.bar = bar
        self.bindings = bindings
        self.session = session_of(viewer)
        self._subject = ""
        self._kept_in: Path | None = None
        self._word = ""

    @property
    def is_going_on(self) -> bool:
        """Whether parts of a session are still to come."""
        return layer_turns_of(self.viewer).is_left(SESSION)

    def show(
        self,
        opened: OpenedStudy,
        shown: Callable[[], None],
        *,
        instead_of: str = "",
        kept_in: Path | None = None,
        word: str = "",
    ) -> None:
        """Add the subject of a session, one layer per turn of the event loop.

        Parameters
        ----------
        opened : OpenedStudy
            What is shown.
        shown : callable
            Called as soon as the subject of the session is the current one.
        instead_of : str
            Key of the subject that it takes the place of; all others stay.
        kept_in : Path, optional
            Folder of unsaved work: what lies in it does not count as saved.
        word : str
            Said before the remarks.
        """
        self._kept_in, self._word = kept_in, word
        layer_turns_of(self.viewer).begin(
            SESSION, self._layers_by_turns(opened, shown, instead_of), self.bar
        )

    def _layers_by_turns(
        self, opened: OpenedStudy, shown: Callable[[], None], instead_of: str
    ) -> Iterator[None]:
        contents = opened.contents
        if instead_of:
            subjects_display_of(self.viewer).remove(instead_of)
            yield
        record = contents.file.series
        if opened.series is None or record is None:
            # Nobody's maps are put among those of another; its scan tells whose these are.
            self.session.begin_subject(title="" if record is None else record.name)
        else:
            # First, so that its layer is put among those of nobody else.
            self.session.begin_subject(opened.series.series, record.name)
            mean_display_of(self.viewer)
            data, attributes, _ = opened.series.layer_data(record.component)
            layer = self.viewer.add_layer(Image(data, **attributes))
            show_canvas_texts(self.viewer)
            self.session.set_series(series_of(layer), layer.name)
        self._subject = self.session.subject.key
        shown()
        if opened.series is not None:
            yield
        yield from self._while_here(self._maps_by_turns(opened))

    def _while_here(self, pieces: Iterator[None]) -> Iterator[None]:
        """Go on as long as the subject of the session is shown: no other one gets parts of it.

        What the user does waits (`LayerTurns.after`); scripts may change the subject at any time.
        """
        while self.session.subject.key == self._subject:
            if next(pieces, _END) is _END:
                return
            yield
        self.bar.notice.say("Another subject was shown before all of the session had come. "
                            "Open the session again.")  # fmt: skip

    def _maps_by_turns(self, opened: OpenedStudy) -> Iterator[None]:
        contents = opened.contents
        for maps in contents.file.maps:
            if maps.name in contents.maps:
                maps_display_of(self.viewer).add(
                    MapsSet(
                        maps.name,
                        contents.maps[maps.name],
                        maps.series_name,
                        maps.seconds,
                        self._saved_at(contents.folders[maps.name]),
                    )
                )
        # Maps take turns of their own; the rest comes after them.
        rest = self._while_here(self._rest_by_turns(opened))
        layer_turns_of(self.viewer).begin(f"{SESSION}, the rest", rest, self.bar)
        yield

    def _rest_by_turns(self, opened: OpenedStudy) -> Iterator[None]:
        contents = opened.contents
        self._show_regions(contents)
        yield
        remarks = [*contents.remarks, *self._show_pins(contents.file.pins)]
        layer_turns_of(self.viewer).finish("pins")
        yield
        records = contents.file.layers
        for set_name, companion in companions_in(records or []):
            if set_name in contents.maps:
                maps_display_of(self.viewer).set_companion(set_name, companion, True)
        rest = self._while_here(self._end_by_turns(opened, remarks))
        layer_turns_of(self.viewer).begin(f"{SESSION}, the end", rest, self.bar)

    def _end_by_turns(self, opened: OpenedStudy, remarks: list[str]) -> Iterator[None]:
        """Show results, and let all be as it was: names first, by which layers are picked."""
        contents, records = opened.contents, opened.contents.file.layers
        views = contents.file.views
        yield from show_items(self.viewer, opened, self.bindings, remarks)
        if views is not None:
            show_line(self.viewer, views, remarks)
            yield
        if records is not None:
            yield from show_looks(self.viewer, records)
        for key, state in contents.file.panels.items():
            binding = self.bindings.get(key)
            if binding is not None and hasattr(binding, "restore"):
                binding.restore(state)
                yield
        if "rois" not in self.bindings:  # their panel is not open
            outlines = contents.file.panels.get("rois", {}).get("outlines")
            regions_editor_of(self.viewer).put_back_outlines(outlines_from(outlines))
        regions_editor_of(self.viewer).flush()  # it would bring regions to the front later
        if records is not None:  # once more: options of the panels change what is seen
            yield from show_looks(self.viewer, records)
        if views is not None:
            yield from show_views(self.viewer, views, remarks)
        show_view(self.viewer, contents.file.view)
        if self._kept_in is None:
            self._count_as_saved()
        self._offer_raw(contents)
        self._say(remarks)

    def _offer_raw(self, contents: SessionContents) -> None:
        """Open the raw file that images have to be made of; pins come with them."""
        if contents.raw_path is None:
            return
        raw_files_of(self.viewer).restore(
            contents.raw_path, contents.raw_reading, contents.sequence,
            partial(self._show_pins, contents.file.pins),
        )  # fmt: skip

    def _say(self, remarks: list[str]) -> None:
        """Say what is to be said of this session, below what was said of one before it."""
        said = list(filter(None, [self.bar.notice.text(), self._word, *remarks]))
        if self._word or remarks:
            self.bar.notice.say("\n".join(said), kind="problem" if remarks else "note")

    def _count_as_saved(self) -> None:
        """Note that polygons and results are in the session file, where they came from."""
        session_places_of(self.viewer).here.outlines = drawn_outlines(self.viewer)
        unsaved = unsaved_of(self.viewer)
        other_regions_of(self.viewer).mark_all_saved(self.session.subject.key)
        for result in unsaved.results_of(self.session.subject.key):
            unsaved.mark_saved(result.step, result.of)

    def _show_regions(self, contents: SessionContents) -> None:
        grid = self.session.series or next(iter(contents.maps.values()), None)
        if contents.file.regions is None or grid is None:
            return
        labels = contents.labels
        if labels is None:
            labels = np.zeros(grid.spatial_shape, np.uint16)
        path = self._saved_at(contents.labels_path)
        carried = contents.file.panels.get("rois", {}).get("carried")
        self.session.set_regions(Regions(labels, contents.table, path, grid.affine,
                                         carried if isinstance(carried, dict) else None)
                                 )  # fmt: skip
        layer, name = regions_editor_of(self.viewer).layer, layer_in_use(contents.file.panels)
        if layer is not None and name:  # before others come, by whose name it would be known
            rename_plainly(self.viewer, layer, name)
        chosen = contents.file.regions.chosen
        if chosen in contents.table:
            self.session.choose_region(RegionChoice(chosen))

    def _saved_at(self, path: Path | None) -> str:
        is_kept = path is not None and self._kept_in is not None and (
            path.absolute().is_relative_to(self._kept_in.absolute()))  # fmt: skip
        return "" if path is None or is_kept else str(path)

    def _show_pins(self, pins: list[tuple[int, int, int]]) -> list[str]:
        if self.session.series is None:
            return []
        shape = self.session.series.spatial_shape
        inside = [pin for pin in pins if all(0 <= i < n for i, n in zip(pin, shape, strict=True))]
        self.session.set_pins(tuple(inside))
        if len(inside) == len(pins):
            return []
        return [
            f"{len(pins) - len(inside)} pinned voxels lie outside the series and were left out."
        ]
