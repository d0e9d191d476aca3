"""Preview of *Fill between slices*: faint outlines of what it will draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from psygnal import Signal

from napari_mrf.plugin.kit.latest import Latest
from napari_mrf.plugin.layers.outlines import to_screen
from napari_mrf.plugin.layers.regions import REGIONS_KEY, edge_color
from napari_mrf.plugin.present import present
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.regions.preview import Preview
from napari_mrf.plugin.regions.slice_edits import fill
from napari_mrf.plugin.regions.vertices import in_pieces
from napari_mrf.plugin.session import one_per_viewer, session_of
from napari_mrf.plugin.viewer.layer_turns import layer_turns_of
from napari_mrf.rois.edits import fill_between
from napari_mrf.rois.voxel_outlines import outlines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from napari_mrf.rois.edits import Edit
    from napari_mrf.rois.polygons import Outline

_OWNER = "fill preview"


class FillPreview:
    """The preview of one viewer.

    Parameters
    ----------
    viewer : napari viewer
        Referred to weakly.

    Attributes
    ----------
    changed : Signal()
        Something is shown, or no longer.
    slices : tuple of int
        In file order, in which something will be drawn; empty while nothing is shown.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer = ref(viewer)
        self._editor = regions_editor_of(viewer)
        self._lines = Preview(viewer, "Fill between slices")
        self._latest = Latest(_filling)
        self._latest.answered.connect(self._on_filled)
        self._edit: Edit | None = None
        self.slices: tuple[int, ...] = ()
        session_of(viewer).regions_changed.connect(self._on_changed)
        self._editor.rules.changed.connect(self._on_changed)

    def show(self, regions: Iterable[int]) -> None:
        """Find out what will come and show it; what cannot be done is told at once."""
        self._editor.flush()
        labels = self._editor.labels()
        if labels is not None:
            self._latest.ask((labels, tuple(regions), self._editor.rules.allowed()))

    def apply(self) -> None:
        """Draw what is shown."""
        self._editor.flush()  # whatever has been drawn meanwhile makes it void
        edit = self._edit
        self.cancel()
        if edit is not None:
            fill(self._editor, edit)

    def cancel(self) -> None:
        """Show it no longer; nothing was drawn."""
        self._latest.forget()
        self._edit, self.slices = None, ()
        viewer = self._viewer()
        if viewer is not None:
            layer_turns_of(viewer).drop(_OWNER)
            if self._lines.layer is not None:
                layer_turns_of(viewer).begin(_OWNER, self._closing())
        self.changed.emit()

    def _on_filled(self, found: tuple[Edit, list[Outline]]) -> None:
        edit, outlines = found
        if edit.changes_nothing:
            self.cancel()
            fill(self._editor, edit)  # tells why
            return
        self._edit, self.slices = edit, tuple(np.unique(edit.voxels[0]).tolist())
        layers = self._editor.layers
        here = layers.slice_in_view()
        if here not in self.slices:
            layers.go_to_slice(min(self.slices, key=lambda z: abs(z - here)))
        layer_turns_of(self._viewer()).begin(_OWNER, self._drawing(outlines))
        self.changed.emit()

    def _drawing(self, outlines: list[Outline]) -> Iterator[None]:
        self._lines.close()
        yield
        layers = self._editor.layers
        grid = present(layers.layer).metadata[REGIONS_KEY]
        self._lines.open(grid)
        for some in in_pieces(iter(outlines)):
            yield
            for label in {one.label for one in some}:
                polygons = [to_screen(one, grid) for one in some if one.label == label]
                self._lines.add(polygons, edge_color(layers.table[label]))
            yield

    def _closing(self) -> Iterator[None]:
        self._lines.close()
        yield

    def _on_changed(self, _: Any = None) -> None:
        self.cancel()  # something else would come now


def _filling(question: tuple[NDArray[Any], tuple[int, ...], NDArray[np.bool_] | None]) -> Any:
    edit = fill_between(*question)
    yield edit, list(_parts(edit, question[0].shape))


def _parts(edit: Edit, shape: tuple[int, ...]) -> Iterator[Outline]:
    """Yield the outlines of what an edit of a label map (Z, Y, X) draws."""
    z, y, x = edit.voxels
    for label in np.unique(edit.values).tolist():
        for at in np.unique(z[edit.values == label]).tolist():
            here = (z == at) & (edit.values == label)
            mask = np.zeros(shape[1:], bool)
            mask[y[here], x[here]] = True
            yield from outlines_of(mask, label, at)


fill_preview_of = one_per_viewer(FillPreview)
"""Return the preview of a viewer."""
