"""Controller of the drawing tools: polygons, vertices, rules of the brush, preview of a fill."""

from __future__ import annotations

import threading
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from napari_mrf.compute.steps import result_of
from napari_mrf.plugin.jobs.garbage import start_thread
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.layers.attributes import layer_name
from napari_mrf.plugin.layers.outlines import prepare_outlines
from napari_mrf.plugin.layers.regions import prepare_colors
from napari_mrf.plugin.panels.rois.tree import spans
from napari_mrf.plugin.preparation.kernels import DRAWING
from napari_mrf.plugin.preparation.preparation import PREPARATION
from napari_mrf.plugin.regions.brush import PaintLimit
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.regions.fill_preview import fill_preview_of
from napari_mrf.plugin.regions.smart_polygon import smart_polygon_of
from napari_mrf.plugin.regions.vertices import outline_by_turns, start_vertices, vertex_tool
from napari_mrf.plugin.session import session_of, unwrapped
from napari_mrf.plugin.viewer.layer_turns import WAITING, layer_turns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel

    from napari_mrf.plugin.panels.rois.panel import RoisPanel

_OWNER, _OUTLINES = "drawing", "outlines of voxels"


class RoisDrawing:
    """Controller of drawing: the tools of the panel and double clicks in the list.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the regions.
    panel : RoisPanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: RoisPanel) -> None:
        self.panel = panel
        self.editor = regions_editor_of(viewer)
        self.smart = smart_polygon_of(viewer)
        self.preview = fill_preview_of(viewer)
        self.session = session_of(viewer)
        self._turns = layer_turns_of(unwrapped(viewer))
        self._starting = ""
        panel.shown.connect(prepare_drawing)
        panel.draw_requested.connect(self._on_draw_requested)
        panel.tree.draw_requested.connect(self._on_tree_draw_requested)
        tools, brush = panel.tools, panel.tools.brush
        tools.smart_button.clicked.connect(self._on_smart_requested)
        for name, button in tools.vertex_buttons.items():
            button.clicked.connect(partial(self._on_vertices_requested, name))
        tools.outline_button.clicked.connect(self._on_outline_requested)
        panel.fill_requested.connect(self._on_fill_requested)
        tools.fill_bar.apply_requested.connect(self.preview.apply)
        tools.fill_bar.cancel_requested.connect(self.preview.cancel)
        brush.spare_changed.connect(self.editor.rules.set_spares_others)
        brush.limit_changed.connect(self._on_limit_changed)
        bond = Bond(panel)
        for signal, slot in (
            (self.smart.changed, self.show),
            (self.preview.changed, self._show_preview),
            (self.editor.rules.changed, self._show_rules),
            (self.session.maps_changed, self._show_rules),
            (self.session.series_changed, self._show_rules),
        ):
            bond.connect(signal, slot)
        self._show_rules()

    def show(self, *_: Any) -> None:
        """Show whether drawing is on, with which tool and for which region."""
        label = self.editor.table.get(self.panel.tree.picked())
        is_smart = self.smart.is_on or self._starting == "smart"
        is_drawing = bool(self._starting) or self.editor.is_drawing()
        self.panel.set_drawing(label.name if label is not None else "", is_drawing and not is_smart)
        self.panel.tools.show_tool(
            is_smart=is_smart and is_drawing, vertex_tool=vertex_tool(self.editor)
        )

    def set_pen(self, label: int) -> None:
        """Draw this label from now on, with the tool that is on."""
        if self.smart.is_on:
            self.smart.set_label(label)
        else:
            self.editor.set_pen(label)

    def regions(self, is_for_all: bool) -> list[int]:
        """Return the regions that a button acts on."""
        return list(self.editor.slices) if is_for_all else [self.panel.tree.picked()]

    def _on_draw_requested(self, is_wanted: bool) -> None:
        self._toggle("polygon", is_wanted)

    def _on_smart_requested(self, is_wanted: bool) -> None:
        self._toggle("smart", is_wanted)

    def _toggle(self, tool: str, is_wanted: bool) -> None:
        self.smart.stop()
        if is_wanted and self.panel.tree.picked():
            self.panel.notice.clear()
            self._start(tool, self.panel.tree.picked())
        else:
            self._turns.drop(_OWNER)
            self._starting = ""
            self.editor.stop_drawing()
        self.show()

    def _on_tree_draw_requested(self, label: int) -> None:
        if self.panel.draw_button.isEnabled() and not self.smart.is_on:
            self._start("polygon", label)

    def _start(self, tool: str, label: int) -> None:
        """Start now, or in the turns that follow where layers have to be made first."""
        self._starting = tool
        self.show()
        self._turns.begin(_OWNER, self._start_by_turns(tool, label), self.panel)
        if self.editor.outlines_layer is not None and tool == "polygon":
            self._turns.finish(_OWNER)

    def _start_by_turns(self, tool: str, label: int) -> Iterator[Any]:
        is_prepared = prepare_drawing()
        is_late = not is_prepared.is_set()
        if is_late:
            self.panel.notice.say("Preparing to draw; it starts by itself.", kind="note")
        while not is_prepared.is_set():
            yield WAITING
        if is_late:
            self.panel.notice.clear()
        by = self.smart if tool == "smart" else self.editor
        yield from by.start_by_turns(label)
        self._starting = ""
        picked = self.panel.tree.picked()
        if picked and picked != label:  # meanwhile
            self.set_pen(picked)
        self.show()

    def _on_vertices_requested(self, name: str, *_: object) -> None:
        # Asked of the button, since PySide6 does not tell a partial; before drawing stops, which
        # releases all buttons.
        is_wanted = self.panel.tools.vertex_buttons[name].isChecked()
        self.smart.stop()
        self.editor.stop_drawing()
        if is_wanted:
            self.panel.notice.clear()
            picked = self.panel.tree.picked()
            self._turns.begin(_OWNER, self._vertices_by_turns(name, picked), self.panel)
        self.show()

    def _vertices_by_turns(self, name: str, label: int) -> Iterator[None]:
        yield from start_vertices(self.editor, label, name)
        self.show()

    def _on_outline_requested(self) -> None:
        regions = self.regions(self.panel.for_all.isChecked())
        self._turns.begin(_OUTLINES, outline_by_turns(self.editor, regions), self.panel)

    def _on_fill_requested(self, is_for_all: bool) -> None:
        self.preview.show(self.regions(is_for_all))

    def _show_preview(self, *_: Any) -> None:
        self.panel.tools.fill_bar.show_slices(spans(self.preview.slices))

    def _on_limit_changed(self) -> None:
        brush, rules = self.panel.tools.brush, self.editor.rules
        picked = self._maps().get(brush.map_picker.currentText())
        if picked is None:
            rules.set_limit(None)
            return
        if rules.limit is None or picked != (rules.limit.set_name, rules.limit.key):
            brush.show_range(picked[1])
        rules.set_limit(PaintLimit(*picked, brush.low.value(), brush.high.value()))
        if brush.low.value() > brush.high.value():
            self.panel.notice.say("No value lies in this range, so nothing can be drawn. Make the "
                                  "first number the smaller one.")  # fmt: skip
        else:
            self.panel.notice.clear()

    def _maps(self) -> dict[str, tuple[str, str]]:
        return {layer_name(*one): one for one in self.editor.rules.maps()}

    def _show_rules(self, *_: Any) -> None:
        rules, brush, maps = self.editor.rules, self.panel.tools.brush, self._maps()
        limit = rules.limit
        if limit is not None and (limit.set_name, limit.key) not in maps.values():
            rules.limit = limit = None
            self.panel.notice.say("The map that limited drawing is gone: it is not limited any "
                                  "more.", kind="note")  # fmt: skip
        brush.set_spare(rules.spares_others)
        current = "" if limit is None else layer_name(limit.set_name, limit.key)
        brush.set_maps(list(maps), current)
        if limit is not None:
            brush.show_range(limit.key, (limit.low, limit.high))


@cache
def prepare_drawing() -> threading.Event:
    """Compile, before the first stroke, what napari needs to draw regions and color labels.

    Returns
    -------
    Event
        Set when that is done.
    """
    is_done = threading.Event()
    start_thread(partial(_compile, is_done), name="drawing")
    return is_done


def _compile(is_done: threading.Event) -> None:
    try:
        result_of(PREPARATION.waiting(DRAWING))
        prepare_colors()
        prepare_outlines()
    finally:
        is_done.set()
