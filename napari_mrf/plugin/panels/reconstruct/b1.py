"""The B1 map of a Reconstruct panel: none, an Image layer, or a file that becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_mrf.data.b1_map import B1Map
from napari_mrf.plugin.jobs import Step
from napari_mrf.plugin.layers import PARAMETER_KEY, b1_from_layer, series_of, show_b1
from napari_mrf.plugin.panels.reconstruct.layer_files import LayerFiles
from napari_mrf.plugin.panels.shared.layer_choice import LayerChoice
from napari_mrf.plugin.panels.shared.texts import FITTED_B1

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.plugin.kit.bond import Bond
    from napari_mrf.plugin.panels.reconstruct.panel import ReconstructPanel

B1_FILES = "B1 map (*.nii *.nii.gz *.mha *.mhd *.npy);;All files (*)"


class B1Choice(LayerChoice):
    """Offers Image layers and files as measured B1 maps; see `LayerChoice`.

    Parameters
    ----------
    viewer : napari viewer
        Where the layers are.
    panel : ReconstructPanel
        The view.
    bond : Bond
        Of the panel.
    """

    nothing = FITTED_B1

    def __init__(self, viewer: Any, panel: ReconstructPanel, bond: Bond) -> None:
        super().__init__(viewer, panel.b1_picker, panel.set_b1_maps, bond)
        self.panel = panel
        self.files = LayerFiles(
            panel, self, bond, what="B1 map", filters=B1_FILES, read=read_b1, show=_show
        )
        panel.b1_file_requested.connect(self.files.on_requested)

    def suits(self, layer: Any) -> bool:
        """Return whether a layer may show B1: volumes that are no series and no other map."""
        return (
            isinstance(layer, Image)
            and not layer.rgb
            and layer.ndim == 3
            and series_of(layer) is None
            and layer.metadata.get(PARAMETER_KEY, "B1") == "B1"
        )

    def picked(self) -> B1Map | None:
        """Return the chosen map; None where B1 is fitted or the method takes no map.

        Raises
        ------
        MRFInputError
            When the layer lies on another grid or elsewhere than the series, or is in another unit.
        """
        layer, series = self.picked_layer(), self.session.series
        if layer is None or series is None or not self.panel.takes_b1:
            return None
        return b1_from_layer(
            layer, series, self.panel.b1_unit_picker.currentText(), self.series_layer()
        )


@dataclass(frozen=True, eq=False)
class LoadedB1:
    """Values (Z, Y, X) in file order and unit, the series they lie over, name and file."""

    values: NDArray[Any]
    series: MRFSeries
    name: str
    file: dict[str, Any]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should read about the file."""
        return tuple(self.file.get("warnings", ()))


def read_b1(path: str, series: MRFSeries) -> Generator[Step, None, LoadedB1]:
    """Read a B1 file on the grid of a series, its values as they are."""
    yield Step(detail="reading")
    from napari_mrf.io.formats.volume import read_volume_or_array

    volume = read_volume_or_array(Path(path), "the B1 map")
    B1Map(volume.values, volume.affine, {"path": path}).check_grid(series)
    file = {"path": path, "sha256": volume.sha256, "warnings": volume.warnings}
    return LoadedB1(volume.values, series, Path(path).name.split(".")[0], file)


def _show(viewer: ViewerModel, loaded: LoadedB1) -> Any:
    return show_b1(viewer, loaded.values, loaded.series, loaded.name, loaded.file)
