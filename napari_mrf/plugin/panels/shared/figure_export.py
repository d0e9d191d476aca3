"""The figure of what is seen on the canvas: what to ask for, and the writing of its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QPushButton, QSpinBox

from napari_mrf.plugin.jobs import Job, JobState, JobStatus, Step
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.overwriting import ask_export_path
from napari_mrf.plugin.kit.picker import Picker, narrow_form
from napari_mrf.plugin.present import present
from napari_mrf.plugin.session import unwrapped
from napari_mrf.plugin.viewer.picture import layer_in_view, picture_of_view

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget

    from napari_mrf.plots.picture_figure import Picture

_FORMATS = ("PNG", "SVG", "PDF")


class FigureButton(QPushButton):
    """The button that both panels with maps have."""

    def __init__(self) -> None:
        super().__init__("Figure…")
        self.setToolTip(
            "Write what the canvas shows, with color bar, directions, regions and scale bar, as "
            "PNG, SVG or PDF"
        )


class FigureDialog(QDialog):
    """What to write: format, size, and what to draw.

    Signals
    -------
    wanted
        The user pressed *Save…*: the choices of `chosen`.
    """

    wanted = Signal(dict)

    def __init__(self, parent: QWidget, *, has_regions: bool, has_size: bool) -> None:
        super().__init__(parent)
        self.setWindowTitle("Figure")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.format_picker = Picker("SVG and PDF have text and outlines as vectors")
        self.format_picker.fill(_FORMATS, "PNG")
        self.width_box = _number_box(85, 40, 400, " mm", "Width of the page; a column is about 85")
        self.dpi_box = _number_box(300, 72, 1200, " dpi", "Resolution of the PNG and of the map")
        self.outlines = QCheckBox("Outlines of the regions")
        self.outlines.setToolTip("Along the edges of the voxels that count")
        self.outlines.setEnabled(has_regions)
        self.outlines.setChecked(has_regions)
        self.scale_bar = QCheckBox("Scale bar in mm")
        self.scale_bar.setToolTip(
            "Of a round length" if has_size else "The size of a voxel is not known"
        )
        self.scale_bar.setEnabled(has_size)
        self.scale_bar.setChecked(has_size)
        self.buttons = QDialogButtonBox()
        self.save_button = QPushButton("Save…")
        self.save_button.setToolTip("Pick a name and write the figure")
        self.buttons.addButton(self.save_button, QDialogButtonBox.ButtonRole.AcceptRole)
        cancel = present(self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel))
        cancel.setToolTip("Write nothing")
        form = narrow_form()
        form.setContentsMargins(12, 12, 12, 12)
        form.addRow("Format", self.format_picker)
        form.addRow("Width", self.width_box)
        form.addRow("Resolution", self.dpi_box)
        form.addRow(self.outlines)
        form.addRow(self.scale_bar)
        form.addRow(self.buttons)
        self.setLayout(form)
        self.buttons.accepted.connect(self._on_accepted)
        self.buttons.rejected.connect(self.reject)

    def chosen(self) -> dict[str, Any]:
        """Return kind, dpi, width_mm, outlines and scale_bar."""
        return {
            "kind": self.format_picker.currentText().lower(),
            "dpi": self.dpi_box.value(),
            "width_mm": float(self.width_box.value()),
            "outlines": self.outlines.isChecked(),
            "scale_bar": self.scale_bar.isChecked(),
        }

    def _on_accepted(self) -> None:
        self.wanted.emit(self.chosen())
        self.accept()


class FigureExport:
    """Controller of a *Figure…* button.

    Parameters
    ----------
    viewer : napari viewer
        With the canvas.
    button : FigureButton
        In a panel.
    tell : callable
        Shows a message in the panel; takes the text and a ``kind``.
    """

    def __init__(
        self, viewer: ViewerModel, button: FigureButton, tell: Callable[..., None]
    ) -> None:
        self.viewer: ViewerModel = unwrapped(viewer)
        self.button, self.tell = button, tell
        self.job = Job()
        self.dialog: FigureDialog | None = None
        self._picture: Picture | None = None
        self._path = ""
        button.clicked.connect(self._on_clicked)
        self.bond = Bond(button)
        self.bond.connect(self.job.changed, self._on_job_changed)

    def write(self, path: str, options: dict[str, Any]) -> None:
        """Write the picture that was taken when the button was pressed."""
        if self._picture is not None and not self.job.status.is_running:
            self._path = path
            self.job.start("Writing the figure", write_picture, self._picture, path, options)

    def _on_clicked(self) -> None:
        picture = self._picture = picture_of_view(self.viewer)
        if picture is None:
            self.tell("Nothing to draw: show a map or a series in the 2D view first.")
            return
        has_regions = picture.labels is not None and bool(picture.labels.any())
        self.dialog = FigureDialog(
            self.button, has_regions=has_regions, has_size=picture.pixel_mm is not None
        )
        self.dialog.wanted.connect(self._on_wanted)
        self.dialog.open()

    def _on_wanted(self, options: dict[str, Any]) -> None:
        kind, layer = options["kind"], layer_in_view(self.viewer)
        name = "figure" if layer is None else _file_name(layer.name)
        path = ask_export_path(self.button, "Save the figure", name, kind)
        if path:
            self.write(path, options)

    def _on_job_changed(self, status: JobStatus) -> None:
        self.button.setEnabled(not status.is_running)
        if status.state is JobState.DONE:
            self.tell(f"Saved {Path(self._path).name}.", kind="note")
        elif status.failure is not None:
            self.tell(status.failure.sentence)


def write_picture(
    picture: Picture, path: str, options: dict[str, Any]
) -> Generator[Step, None, str]:
    """Write the figure of a picture; an earlier file is replaced, since the dialog has asked."""
    yield Step(detail="drawing")
    from napari_mrf.io.atomic import atomic_write
    from napari_mrf.plots.figure_files import write_figure
    from napari_mrf.plots.picture_figure import picture_figure

    looks = {key: options[key] for key in ("width_mm", "outlines", "scale_bar")}
    figure = picture_figure(picture, **looks)
    with atomic_write(Path(path)) as temporary:
        write_figure(figure, temporary, options["kind"], dpi=options["dpi"])
    return path


def _file_name(name: str) -> str:
    kept = "".join(one if one.isalnum() or one in " .-_" else " " for one in name)
    return "-".join(kept.split()) or "figure"


def _number_box(value: int, low: int, high: int, unit: str, tip: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setSuffix(unit)
    box.setToolTip(tip)
    return box
