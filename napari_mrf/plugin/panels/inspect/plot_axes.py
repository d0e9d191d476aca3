"""Axes of the plot of the inspector, with ticks, sequence strip and frame line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.plots.fingerprint_figure import COMPONENT_TITLES
from napari_mrf.plots.sequence_strip import STRIP_ROWS, draw_sequence_strip, mark_echo_times
from napari_mrf.plugin.kit.value_ticks import ValueTicks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data import sequence as sequence_module

# In pixels: what stands around the axes, and between them.
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 60, 8, 8, 32, 7
_STRIP_HEIGHT, _RESIDUAL_SHARE = 24, 0.24
_UNSIGNED, _SIGNED, _RESIDUAL = (0.0, 0.5, 1.0), (-1.0, 0.0, 1.0), (0.0, 1.0)


class InspectAxes:
    """Axes *main* and *residual*, and below them the strip where the sequence is known.

    Parameters
    ----------
    figure : Figure
        Empty.
    n_frames : int
        T; 0 for no axes at all.
    sequence : Sequence or None
        Of as many frames.
    left_out : ndarray of bool or None
        (T,) frames that are hatched.
    colors : theme colors
        Of everything.
    component : str
        Which is drawn in *main*.
    shows_residual : bool
        Whether *residual* is visible.
    """

    def __init__(
        self,
        figure: Any,
        n_frames: int,
        sequence: sequence_module.Sequence | None,
        left_out: NDArray[np.bool_] | None,
        colors: Any,
        *,
        component: str,
        shows_residual: bool,
    ) -> None:
        self.all: list[Any] = []
        self.ticks: dict[str, ValueTicks] = {}
        self.frame_lines: list[Any] = []
        self._names: list[str] = []
        self._colors = colors
        if n_frames == 0:
            return
        self._names = ["main", "residual", *(STRIP_ROWS if sequence is not None else [])]
        for name in self._names:
            axes = figure.add_axes((0.1, 0.1, 0.8, 0.8), label=name)
            axes.set_xlim(-0.5, n_frames - 0.5)
            axes.spines[["top", "right"]].set_visible(False)
            is_last = name == self._names[-1]
            axes.tick_params(labelbottom=is_last, bottom=is_last, left=False)
            axes.set_yticks([])
            axes.autoscale(False)
            self.all.append(axes)
        self.all[-1].set_xlabel("Frame", labelpad=1)
        if sequence is not None:
            self._draw_strip(sequence)
        self._hatch(left_out)
        self.set_component(component)
        self.ticks["residual"] = ValueTicks(
            self["residual"], "Residual", _RESIDUAL, colors, margin_px=_LEFT - 5
        )
        self.show_residual(shows_residual)
        for axes in self.all:
            line = axes.axvline(0, color=colors.text, linewidth=0.8, alpha=0.75,
                                linestyle=(0, (2, 2)), animated=True, visible=False)  # fmt: skip
            self.frame_lines.append(line)

    def __getitem__(self, name: str) -> Any:
        return self.all[self._names.index(name)]

    @property
    def limits(self) -> tuple[float | None, ...]:
        """Of the value axes."""
        return tuple(ticks.limit for ticks in self.ticks.values())

    def set_component(self, component: str) -> None:
        """Give *main* the ticks and the title of a component."""
        if "main" in self.ticks:
            self.ticks["main"].remove()
        self.ticks["main"] = ValueTicks(
            self["main"],
            COMPONENT_TITLES[component],
            _UNSIGNED if component == "magnitude" else _SIGNED,
            self._colors,
            is_phase=component == "phase",
            margin_px=_LEFT - 5,
        )

    def show_residual(self, is_shown: bool) -> None:
        """Show *residual* or not; `arrange` gives it room."""
        self["residual"].set_visible(is_shown)

    def place_frame(self, frame: int | None) -> None:
        """Put the frame line somewhere, or nowhere."""
        for line in self.frame_lines:
            line.set_visible(frame is not None)
            if frame is not None:
                line.set_xdata([frame, frame])

    def arrange(self, width: int, height: int) -> None:
        """Place the axes in pixels, which shares of the figure would not keep readable."""
        if not self.all:
            return
        n_strips = len(self._names) - 2
        strip = max(_STRIP_HEIGHT, 0.07 * height) if n_strips else 0.0
        shown = [axes for axes in self.all if axes.get_visible()]
        gaps = _GAP * (len(shown) - 1)
        free = height - _TOP - _BOTTOM - gaps - n_strips * strip
        residual = _RESIDUAL_SHARE * free if self["residual"].get_visible() else 0.0
        heights = {"main": free - residual, "residual": residual}
        top = float(height - _TOP)
        for name, axes in zip(self._names, self.all, strict=True):
            if not axes.get_visible():
                continue
            tall = heights.get(name, strip)
            wide = max(width - _LEFT - _RIGHT, 10)
            axes.set_position((_LEFT / width, (top - tall) / height,
                               wide / width, max(tall, 4) / height))  # fmt: skip
            top -= tall + _GAP

    def _draw_strip(self, sequence: sequence_module.Sequence) -> None:
        strip = self.all[2:]
        draw_sequence_strip(strip, sequence, color=self._colors.text)
        for axes in strip:
            axes.spines[["left", "bottom"]].set_visible(False)
        strip[-1].spines["bottom"].set_visible(True)
        mark_echo_times(self.all, sequence, self._colors.shade)

    def _hatch(self, left_out: NDArray[np.bool_] | None) -> None:
        if left_out is None or not left_out.any():
            return
        edges = np.flatnonzero(np.diff(np.r_[False, left_out, False].astype(int)))
        for start, stop in edges.reshape(-1, 2):
            self["main"].axvspan(start - 0.5, stop - 0.5, facecolor="none", linewidth=0,
                                 edgecolor=self._colors.faint, hatch="////", alpha=0.5)  # fmt: skip
