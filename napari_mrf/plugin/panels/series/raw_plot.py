"""The picture of raw data: where the first readouts lie, and how strong the samples are.

Apart from the view of a raw file, since it draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.plugin.kit.plot_canvas import PlotCanvas

if TYPE_CHECKING:
    from napari_mrf.plugin.viewer.raw.work import KSpaceLook

_HEIGHT = 420


class RawPlot(PlotCanvas):
    """A plot of a `KSpaceLook`."""

    def __init__(self) -> None:
        super().__init__(_HEIGHT)
        self._look: KSpaceLook | None = None
        self.theme_changed.connect(self._build)

    def show_look(self, look: KSpaceLook | None) -> None:
        """Draw what the middle slice looks like; nothing where it is None."""
        self._look = look
        self._build()
        self.redraw()

    def _build(self, *_: object) -> None:
        look = self._look
        self.figure.clear()
        if look is None:
            return
        grid = self.figure.add_gridspec(2, 2, width_ratios=(20, 1), wspace=0.08, hspace=0.42)
        places = self.figure.add_subplot(grid[0, 0])
        if look.lines is None:
            places.set_axis_off()
            places.text(0.5, 0.5, "no trajectory is known", ha="center", transform=places.transAxes)
        else:
            for number, line in enumerate(look.lines):
                places.plot(line[:, 1], line[:, 0], lw=0.9, label=str(number))
                places.plot(*line[0, ::-1], "o", ms=2.5, color=places.lines[-1].get_color())
            places.set_aspect("equal")
            places.set(xlim=(-0.53, 0.53), ylim=(-0.53, 0.53), xticks=(-0.5, 0, 0.5),
                       yticks=(-0.5, 0, 0.5), xlabel="kx (cycles/voxel)",
                       ylabel="ky (cycles/voxel)")  # fmt: skip
            places.set_title(f"First {len(look.lines)} readouts, dots: first samples")
        strength = self.figure.add_subplot(grid[1, 0])
        floor = float(np.floor(look.level_db.min() / 10.0) * 10.0)
        image = strength.imshow(
            look.level_db, cmap="gray", vmin=floor, vmax=0.0, aspect="auto", origin="upper",
            extent=(0, look.n_samples, look.n_readouts, 0), interpolation="nearest",
        )  # fmt: skip
        strength.set(xlabel="Sample", ylabel="Readout")
        strength.set_title(f"k-space of slice {look.z + 1}, all coils (dB of the maximum)")
        self.figure.colorbar(image, cax=self.figure.add_subplot(grid[1, 1]))
