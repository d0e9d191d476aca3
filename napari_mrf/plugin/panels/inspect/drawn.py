"""Traces that the inspector shows at one moment, with their colors, values and legend."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from napari_mrf.plots.trace_styles import pin_color, predicted_style
from napari_mrf.plugin.kit.plot_colors import readable
from napari_mrf.plugin.kit.plot_legend import LegendEntry
from napari_mrf.plugin.panels.inspect.values import ValueRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_mrf.analysis.inspection.predictor import Predictor
    from napari_mrf.analysis.inspection.traces import Trace


@dataclass(frozen=True, eq=False)
class Resting:
    """Traces of pins and of regions, which stay the same while the mouse moves.

    Parameters
    ----------
    pins : tuple of Trace
        In the order of their numbers.
    regions : tuple of Trace
        In the order of their choice.
    region_colors : tuple of str
        One for each region.
    """

    pins: tuple[Trace, ...] = ()
    regions: tuple[Trace, ...] = ()
    region_colors: tuple[str, ...] = ()

    @cached_property
    def traces(self) -> tuple[Trace, ...]:
        """Pins and regions."""
        return (*self.pins, *self.regions)

    @cached_property
    def colors(self) -> tuple[str, ...]:
        """The color of each."""
        pins = (pin_color(number) for number in range(1, len(self.pins) + 1))
        return (*pins, *self.region_colors)

    @cached_property
    def value_rows(self) -> tuple[ValueRow, ...]:
        """The rows of the pins in the table: their number before the name of the set."""
        return tuple(
            ValueRow(f"{number}\u00a0{found.name}", found)
            for number, one in enumerate(self.pins, 1)
            for found in one.predictions
        )

    def legend(self, predictors: Iterable[Predictor], theme: Any) -> list[LegendEntry]:
        """Return the entries of the legend, in colors that are readable in a theme."""
        entries = [LegendEntry("measured", "", ".")]
        for index, predictor in enumerate(predictors):
            style = predicted_style(index)
            color = readable(style["color"], theme.background, theme.text)
            entries.append(LegendEntry(predictor.name, color or "", style["linestyle"]))
        for index, (trace, own) in enumerate(zip(self.traces, self.colors, strict=True)):
            color = readable(own, theme.background, theme.text)
            label = trace.name
            if index < len(self.pins):
                label = f"{index + 1} {label.removeprefix('voxel ')}"
            if trace.problem:
                label = f"{label}: {trace.problem}"
            entries.append(LegendEntry(label, color or "", "."))
        return entries


@dataclass(frozen=True, eq=False)
class Drawn:
    """Traces of the voxel under the mouse, of pins and of regions.

    Parameters
    ----------
    voxel : tuple of Trace
        One, or none.
    resting : Resting
        Pins and regions.
    """

    voxel: tuple[Trace, ...] = ()
    resting: Resting = Resting()

    @property
    def traces(self) -> tuple[Trace, ...]:
        """All of them: the voxel, pins, regions."""
        return (*self.voxel, *self.resting.traces)

    @property
    def colors(self) -> tuple[str | None, ...]:
        """The color of each; None for the voxel, whose sets have colors of their own."""
        return (*(None for _ in self.voxel), *self.resting.colors)

    @property
    def keeps_axes(self) -> bool:
        """Whether the voxel has no trace to fit the axes to."""
        if not self.voxel:
            return False
        one = self.voxel[0]
        silent = one.predictions and all(found.signal is None for found in one.predictions)
        return bool(one.problem or silent)

    def value_rows(self) -> list[ValueRow]:
        """Return the rows of the table: the voxel, then the pins."""
        rows = [ValueRow(found.name, found) for one in self.voxel for found in one.predictions]
        return [*rows, *self.resting.value_rows]

    def reasons(self) -> list[str]:
        """Return what is wrong with the voxel, each reason once."""
        if not self.voxel:
            return []
        one = self.voxel[0]
        if one.problem:
            return [one.problem]
        reasons = {found.reason: found.name for found in one.predictions if found.reason}
        if len(one.predictions) == 1:
            return list(reasons)
        everywhere = len(reasons) == 1 and all(found.reason for found in one.predictions)
        return [reason if everywhere else f"{name}: {reason}" for reason, name in reasons.items()]
