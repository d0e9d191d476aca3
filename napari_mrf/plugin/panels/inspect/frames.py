"""The frame marked in the inspector's plot and the slider of frames are one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.inspection.traces import sequence_columns
from napari_mrf.plugin.layers import frame_of, layer_of_series, show_frame
from napari_mrf.plugin.session import session_of

if TYPE_CHECKING:
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.inspect.panel import InspectPanel


class InspectFrames:
    """Keeps the plot and the slider together, and tells the numbers of the frame.

    Parameters
    ----------
    viewer : napari viewer
        With the slider.
    panel : InspectPanel
        With the plot.
    bond : Bond
        For as long as the panel lives.
    """

    def __init__(self, viewer: Any, panel: InspectPanel, bond: Bond) -> None:
        self.viewer, self.panel, self.session = viewer, panel, session_of(viewer)
        panel.plot.frame_chosen.connect(self._on_frame_chosen)
        bond.connect(viewer.dims.events.current_step, self.update)
        bond.connect(viewer.dims.events.order, self.update)
        bond.connect(viewer.dims.events.ndisplay, self.update)
        bond.connect(viewer.layers.events.inserted, self.update)

    def update(self, event: Any = None) -> None:
        """Mark the frame that the slider shows; none where frames are no slider."""
        series = self.session.series
        layer = layer_of_series(self.viewer, series)
        frame = frame_of(self.viewer, layer) if layer is not None else None
        self.panel.plot.set_frame(frame)
        words = "" if frame is None else f"Frame {frame}"
        sequence = None if series is None else series.sequence
        if frame is not None and sequence is not None and sequence.n_frames == series.n_frames:
            columns = sequence_columns(sequence)
            angle, echo, repetition = (columns[key][frame] for key in columns)
            words += f": FA {angle:.3g}°, TE {echo:.4g} ms, TR {repetition:.4g} ms"
        self.panel.set_frame_text(words)

    def _on_frame_chosen(self, frame: int) -> None:
        layer = layer_of_series(self.viewer, self.session.series)
        if layer is not None:
            show_frame(self.viewer, layer, frame)
