"""Make the picture of the window that trains networks by driving it.

    python docs/screenshots_train.py

Needs a display with OpenGL; without one, run it under
``xvfb-run -a -s "-screen 0 1600x1000x24"``. About two minutes on two cores.
"""

import argparse
import os
import tempfile
from pathlib import Path

import napari
from qtpy.QtWidgets import QApplication
from screenshots_importance import IMAGES, wait

from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.panels.train.controller import training_of
from napari_mrf.plugin.session import session_of
from napari_mrf.training.recipe import shipped_recipes

TISSUES = "tissues = 20000"  # an epoch of some seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=IMAGES)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    os.environ["NAPARI_MRF_PREPARE"] = "0"  # no bar of compilation in the pictures
    viewer = napari.Viewer(show=False)
    dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
    viewer.window._qt_window.show()
    viewer.open_sample("napari-mrf", "thigh")
    panel, session = dock.panels["reconstruct"], session_of(viewer)
    wait(until=panel.run_button.isEnabled)
    panel.run_button.click()
    wait(until=lambda: bool(session.maps_sets) and not session.reconstruction.status.is_running)
    training = training_of(viewer)
    training.open(dock)
    wait(until=lambda: training.window.recipe_picker.findText("t1ff-cohen") >= 0)
    with tempfile.TemporaryDirectory() as folder:
        text = shipped_recipes()["t1ff-cohen"].read_text(encoding="utf-8")
        recipe = Path(folder) / "my-recipe.toml"
        recipe.write_text(text.replace("tissues = 400000", TISSUES), encoding="utf-8")
        training.window.set_recipes(["my-recipe.toml"], "my-recipe.toml")
        os.chdir(folder)  # so that no folder of this machine is in the picture
        training.window.folder_edit.setText("my-network")
        training.window.minutes_box.setValue(10.0)
        training.start()
        wait(until=lambda: training._course is not None and len(training._course.history) == 12)
        wait(1.0)
        training.window.grab().save(str(arguments.output / "train.png"))
        training.job.cancel()
        wait(until=lambda: training.job.status.state is JobState.CANCELLED)
        wait(2.0)
    QApplication.processEvents()
    viewer.close()


if __name__ == "__main__":
    main()
