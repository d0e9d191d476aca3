"""Controller of the window that trains networks: one for a viewer, also while it is closed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.compat import isalive

from napari_mrf.plugin.jobs import Job, JobStatus
from napari_mrf.plugin.kit.files.dialogs import ask_open_path, start_folder
from napari_mrf.plugin.layers import slice_in_view
from napari_mrf.plugin.panels.shared.own_weights import OWN_WEIGHTS
from napari_mrf.plugin.panels.train.window import FROM_NOTHING, TrainWindow
from napari_mrf.plugin.panels.train.work import (
    Course,
    RecipeChoice,
    TrainingParameters,
    list_recipes,
    train,
)
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.session.one_per_viewer import one_per_viewer, unwrapped

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget


class Training:
    """Opens the window, runs the training, and offers its weights when it is done.

    Parameters
    ----------
    viewer : napari viewer
        Whose series is looked at; kept weakly.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = ref(unwrapped(viewer))
        self.session = session_of(viewer)
        self.job, self.listing = Job(), Job()
        self.window: TrainWindow | None = None
        self._recipes: dict[str, RecipeChoice] = {}
        self._course: Course | None = None
        self._reference = ""
        self.job.changed.connect(self._on_changed)
        self.job.updated.connect(self._on_updated)
        self.job.succeeded.connect(self._on_succeeded)
        self.listing.succeeded.connect(self._on_listed)
        self.session.maps_changed.connect(self._on_maps_changed)

    def open(self, parent: QWidget) -> None:
        """Open the window, or bring it to the front."""
        if self.window is not None and isalive(self.window) and self.window.isVisible():
            self.window.raise_()
            return
        window = self.window = TrainWindow(parent)
        window.finished.connect(window.deleteLater)
        window.recipe_changed.connect(self._on_recipe_changed)
        window.recipe_requested.connect(self._on_recipe_requested)
        window.start_requested.connect(self.start)
        window.stop_requested.connect(self.job.cancel)
        if (viewer := self._viewer()) is not None:
            window.course_plot.follow(viewer)
            window.maps_plot.follow(viewer)
        self._on_maps_changed("")
        window.caption.setText(
            "After every epoch the network is tried on the slice that the window shows."
            if self.session.series is not None else ""
        )  # fmt: skip
        window.set_status(self.job.status)
        if self._course is not None and self.job.status.is_running:
            window.show_course(self._course, self._reference)
        window.show()
        series = self.session.series
        if series is not None and series.sequence is not None:
            self.listing.cancel()
            self.listing.start("Recipes", list_recipes, series.sequence)
        else:
            window.set_recipes([], "")
            window.notice.say("Open a series first, whose sequence the network is for.")

    def start(self) -> None:
        """Train as the window says; a training that was stopped goes on."""
        window = self.window
        if window is None or self.job.status.is_running:
            return
        window.notice.clear()
        recipe = window.recipe_picker.currentText()
        folder = window.folder_edit.text().strip()
        if not folder:
            window.notice.say("Pick a folder for the weights first.")
            return
        init = window.init_picker.currentText()
        parameters = TrainingParameters(
            recipe, folder, window.minutes_box.value(), "" if init == FROM_NOTHING else init
        )
        learned = window.maps_to_learn_from()
        sets = self.session.maps_sets
        shown = sets.get(learned) or next(iter(list(sets.values())[::-1]), None)
        maps = None if shown is None else shown.maps
        self._course, self._reference = None, "" if shown is None else shown.name
        viewer, series = self._viewer(), self.session.series
        z = None if viewer is None else slice_in_view(viewer, series, nearest=True)
        self.job.start(f"Training {Path(recipe).stem}", train, parameters,
                       self.session.series, maps, z or 0, bool(learned))  # fmt: skip

    def _on_maps_changed(self, _: str) -> None:
        if self.window is not None and isalive(self.window):
            sets = self.session.maps_sets if self.session.series is not None else {}
            self.window.set_data(list(sets))

    def _on_listed(self, recipes: tuple[RecipeChoice, ...]) -> None:
        self._recipes = {one.name: one for one in recipes}
        if self.window is not None and isalive(self.window):
            before = self.window.recipe_picker.currentText()
            first = next((one.name for one in recipes if one.network == "cohen"), "")
            self.window.set_recipes(list(self._recipes), before or first)

    def _on_recipe_requested(self) -> None:
        window = self.window
        if window is not None and (path := ask_open_path(window, "Recipe", "Recipe (*.toml)")):
            window.set_recipes([*self._recipes, path], path)

    def _on_recipe_changed(self, name: str) -> None:
        window = self.window
        if window is None:
            return
        choice = self._recipes.get(name)
        offered = [FROM_NOTHING]
        if choice is not None and choice.has_weights:
            offered.append(choice.network)
        own = [card for card in OWN_WEIGHTS.cards()
               if choice is None or Path(card).stem == choice.network]  # fmt: skip
        window.init_picker.fill([*offered, *own], FROM_NOTHING)
        if name and not window.folder_edit.isModified():
            folder = start_folder(window) / f"weights {Path(name).stem}"
            window.folder_edit.setText(str(folder))

    def _on_changed(self, status: JobStatus) -> None:
        if self.window is not None and isalive(self.window):
            self.window.set_status(status)

    def _on_updated(self, course: Course) -> None:
        self._course = course
        if self.window is not None and isalive(self.window):
            self.window.show_course(course, self._reference)

    def _on_succeeded(self, card: Path) -> None:
        OWN_WEIGHTS.add(card)
        if self.window is not None and isalive(self.window):
            self.window.notice.say(
                f"Done: {card}. The weights stand in the list of methods.", kind="note"
            )


training_of = one_per_viewer(Training)
"""Return the training of a viewer."""
