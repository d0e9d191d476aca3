"""The window of a training: what is trained, from what and how long, and how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.colors import ListedColormap
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.plots.colormaps import valid_colors
from napari_mrf.plots.training_figure import draw_loss, draw_validation
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.kit.files.dialogs import ask_folder
from napari_mrf.plugin.kit.notice import Notice
from napari_mrf.plugin.kit.picker import Picker
from napari_mrf.plugin.kit.plot_canvas import PlotCanvas
from napari_mrf.plugin.kit.progress_row import ProgressRow
from napari_mrf.plugin.panels.shared.texts import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from napari_mrf.plugin.jobs import JobStatus
    from napari_mrf.plugin.panels.train.work import Course

FROM_RECIPE_FILE = "from a file…"
FROM_NOTHING = "random weights"
OF_RECIPE = "what the recipe makes"
_LONGEST_MINUTES = 10_000.0


class TrainWindow(QDialog):
    """The view: it emits signals and has setters; it knows nothing of what they cause.

    Signals
    -------
    recipe_requested
        The user wants a recipe from a file.
    recipe_changed
        Another recipe was picked.
    start_requested, stop_requested
        The buttons.
    """

    recipe_requested = Signal()
    recipe_changed = Signal(str)
    start_requested = Signal()
    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train a network")
        self.resize(760, 760)
        self.recipe_picker = Picker("What is trained: network, ranges of the maps, data and noise")
        self.init_picker = Picker("Weights to begin with; trained ones make a training short")
        self.data_picker = Picker("What the network learns from")
        self.minutes_box = QDoubleSpinBox()
        self.minutes_box.setRange(0.1, _LONGEST_MINUTES)
        self.minutes_box.setValue(30.0)
        self.minutes_box.setDecimals(1)
        self.minutes_box.setSuffix(" min")
        self.minutes_box.setToolTip("The training ends after this time, with a small learning rate")
        self.folder_edit = QLineEdit()
        self.folder_edit.setToolTip("Where weights, card and the course of the training go")
        self.folder_button = QPushButton("Browse…")
        self.start_button = QPushButton("Train")
        self.progress = ProgressRow("Stop. A training goes on from its last epoch when the same "
                                    "one is started again")  # fmt: skip
        self.progress.cancel_button.setText("Stop")
        self.course_plot = PlotCanvas(210, layout="constrained")
        self.maps_plot = PlotCanvas(210, layout="constrained")
        self.caption = QLabel()
        self.notice = Notice()
        self._recipe = ""
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        form = QFormLayout()
        form.addRow("Recipe", self.recipe_picker)
        form.addRow("Begin with", self.init_picker)
        form.addRow("Data", self.data_picker)
        form.addRow("Time", self.minutes_box)
        row = QHBoxLayout()
        row.addWidget(self.folder_edit, 1)
        row.addWidget(self.folder_button)
        form.addRow("Folder", row)
        for button in (self.folder_button, self.start_button, self.progress.cancel_button):
            button.setAutoDefault(False)
        self.caption.setWordWrap(True)
        self.caption.setEnabled(False)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.start_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.progress)
        layout.addWidget(self.notice)
        layout.addWidget(self.course_plot, 1)
        layout.addWidget(self.maps_plot, 1)
        layout.addWidget(self.caption)
        self.maps_plot.hide()
        self.course_plot.hide()
        layout.addStretch(0)

    def _connect(self) -> None:
        self.recipe_picker.textActivated.connect(self._on_recipe_activated)
        self.folder_button.clicked.connect(self._on_browse)
        self.start_button.clicked.connect(self._on_start_clicked)
        self.progress.cancel_requested.connect(self._on_stop_requested)

    def set_recipes(self, names: Sequence[str], current: str) -> None:
        """Offer recipes, and one from a file."""
        self.recipe_picker.fill([*names, FROM_RECIPE_FILE], current)
        self._recipe = self.recipe_picker.currentText()
        self.recipe_changed.emit(self._recipe)

    def set_data(self, names: Sequence[str]) -> None:
        """Offer what the recipe makes, and maps of the series by the name of their set."""
        before = self.maps_to_learn_from()
        self.data_picker.clear()
        self.data_picker.addItem(OF_RECIPE, "")
        for name in names:
            self.data_picker.addItem(f"this series with {name}", name)
        self.data_picker.setCurrentIndex(max(self.data_picker.findData(before), 0))

    def maps_to_learn_from(self) -> str:
        """Return the name of the set of maps that is learned from, empty for the recipe's data."""
        return self.data_picker.currentData() or ""

    def set_status(self, status: JobStatus) -> None:
        """Show progress; what is running cannot be changed."""
        self.progress.show_status(status, _sentence(status))
        for widget in (self.recipe_picker, self.init_picker, self.data_picker, self.minutes_box,
                       self.folder_edit, self.folder_button, self.start_button):  # fmt: skip
            widget.setEnabled(not status.is_running)
        if status.state is JobState.CANCELLED:
            self.notice.say("Stopped. Train goes on from the last epoch.", kind="note")
        elif status.failure is not None:
            self.notice.say(status.failure.sentence)

    def show_course(self, course: Course, reference: str) -> None:
        """Draw loss and validation, and the maps of the slice, beside those of a set by name."""
        figure, color = self.course_plot.figure, self.course_plot.colors.text
        figure.clear()
        axes = figure.subplots(1, 2)
        draw_loss(axes[0], course.losses, color)
        axes[0].set_xlabel("epoch", fontsize=9)
        if course.history:
            draw_validation(axes[1], course.history, color)
            axes[1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        else:
            axes[1].set_axis_off()
            axes[1].text(0.5, 0.5, "validation:\nafter the first epoch", ha="center", va="center",
                         transform=axes[1].transAxes, fontsize=9)  # fmt: skip
        self.course_plot.show()
        self.course_plot.redraw()
        self._show_maps(course, reference)

    def _show_maps(self, course: Course, reference: str) -> None:
        figure = self.maps_plot.figure
        figure.clear()
        rows = [("network", course.maps)]
        if course.reference:
            rows.append((reference, course.reference))
        if course.maps:
            grid = figure.subplots(len(rows), len(course.maps), squeeze=False)
            for axes, (name, maps) in zip(grid, rows, strict=True):
                for axis, key in zip(axes, course.maps, strict=True):
                    _draw_map(axis, key, maps.get(key))
                axes[0].set_ylabel(name, fontsize=9)
            for axis, key in zip(grid[0], course.maps, strict=True):
                one = PARAMETERS[key]
                low, high = one.display_limits
                axis.set_title(f"{one.label}\n{low:g} to {high:g} {one.unit}".strip(), fontsize=8)
        self.maps_plot.setVisible(bool(course.maps))
        self.maps_plot.redraw()

    def _on_recipe_activated(self, name: str) -> None:
        if name == FROM_RECIPE_FILE:
            self.recipe_picker.setCurrentText(self._recipe)
            self.recipe_requested.emit()
        else:
            self._recipe = name
            self.recipe_changed.emit(name)

    def _on_browse(self) -> None:
        if folder := ask_folder(self, "Folder for the weights", self.folder_edit.text()):
            self.folder_edit.setText(folder)

    def _on_start_clicked(self) -> None:
        self.start_requested.emit()

    def _on_stop_requested(self) -> None:
        self.stop_requested.emit()


def _sentence(status: JobStatus) -> str:
    left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
    return f"{status.title}: {status.detail or 'starting'}{left}"


def _draw_map(axis: Axes, key: str, values: NDArray[np.floating] | None) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    if values is None:
        axis.text(0.5, 0.5, "no map", ha="center", va="center", transform=axis.transAxes)
        return
    low, high = PARAMETERS[key].display_limits
    axis.imshow(values, cmap=ListedColormap(valid_colors(key)), vmin=low, vmax=high,
                interpolation="nearest")  # fmt: skip
