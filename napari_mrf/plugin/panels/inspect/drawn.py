"""What the inspector shows at one moment, in the words and colors of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_mrf.plots.trace_styles import measured_style, pin_color, predicted_style
from napari_mrf.plugin.kit.plot_colors import readable
from napari_mrf.plugin.kit.plot_legend import LegendEntry
from napari_mrf.plugin.panels.inspect.values import ValueRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_mrf.analysis.inspection.predictor import Predictor
    from napari_mrf.analysis.inspection.traces import Trace


@dataclass(frozen=True, eq=False)
class Drawn:
    """Traces of the voxel in question, of the pins and of regions.

    Parameters
    ----------
    voxel : tuple of Trace
        One, or none.
    pins : tuple of Trace
        In the order of their numbers.
    regions : tuple of Trace
        As many as have a color.
    region_colors : tuple of str
        Of these.
    """

    voxel: tuple[Trace, ...] = ()
    pins: tuple[Trace, ...] = ()
    regions: tuple[Trace, ...] = ()
    region_colors: tuple[str, ...] = ()

    @property
    def traces(self) -> tuple[Trace, ...]:
        """All of them: the voxel, pins, regions."""
        return (*self.voxel, *self.pins, *self.regions)

    @property
    def colors(self) -> tuple[str | None, ...]:
        """Of each; None for the voxel, whose sets have colors of their own."""
        pins = [pin_color(number) for number in range(1, len(self.pins) + 1)]
        return (*(None for _ in self.voxel), *pins, *self.region_colors)

    @property
    def keeps_axes(self) -> bool:
        """Whether the voxel has nothing that the axes could fit to."""
        if not self.voxel:
            return False
        one = self.voxel[0]
        silent = one.predictions and all(found.signal is None for found in one.predictions)
        return bool(one.problem or silent)

    def value_rows(self) -> list[ValueRow]:
        """Return the rows of the table; a pin has its number before the set."""
        rows = [ValueRow(found.name, found) for one in self.voxel for found in one.predictions]
        return rows + [
            ValueRow(f"{number}\u00a0{found.name}", found)
            for number, one in enumerate(self.pins, 1)
            for found in one.predictions
        ]

    def legend(self, predictors: Iterable[Predictor], theme: Any) -> list[LegendEntry]:
        """Return the entries of the legend, in colors that can be read in a theme."""
        entries = [LegendEntry("measured", "", ".")]
        for index, predictor in enumerate(predictors):
            style = predicted_style(index)
            color = readable(style["color"], theme.background, theme.text)
            entries.append(LegendEntry(predictor.name, color or "", style["linestyle"]))
        traces, own = self.traces, self.colors
        n_voxels, n_pins = len(self.voxel), len(self.pins)
        for index in range(n_voxels, len(traces)):
            color = readable(own[index], theme.background, theme.text)
            label = traces[index].name
            if index < n_voxels + n_pins:
                label = f"{index - n_voxels + 1} {label.removeprefix('voxel ')}"
            if traces[index].problem:
                label = f"{label}: {traces[index].problem}"
            dashes = measured_style("")["marker"] and "."
            entries.append(LegendEntry(label, color or "", dashes))
        return entries

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
