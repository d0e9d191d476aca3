"""Make the pictures of the Importance panel by driving it.

    python docs/screenshots_importance.py [--every]

Needs a display with OpenGL; without one, run it under
``xvfb-run -a -s "-screen 0 1600x1000x24"``. ``--every`` writes the panel in each theme and width,
and the window with the layer, to be looked at after a change. About a minute on two cores.
"""

import argparse
import os
import time
from pathlib import Path

import napari
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.session import session_of

IMAGES = Path(__file__).parent / "images"


def wait(seconds=0.5, until=None):
    """Let the window work for a while, or until something holds."""
    end = time.monotonic() + (600 if until else seconds)
    while not (until and until()):
        if time.monotonic() > end:
            if until:
                raise TimeoutError("the window did not get there")
            return
        QApplication.processEvents()
        time.sleep(0.01)


def measure(viewer, panel, method, **settings):
    wait(until=panel.run_button.isEnabled)
    panel.method_picker.setCurrentIndex(panel.method_picker.findData(method))
    panel.method_picker.activated.emit(panel.method_picker.currentIndex())
    for name, value in settings.items():
        panel.settings.set_value(name, value)
    panel.run_button.click()
    job = session_of(viewer).importance
    wait(until=lambda: not job.status.is_running)
    if job.status.state is not JobState.DONE:
        raise RuntimeError(f"the run is {job.status.state}: {panel.notice.text()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=IMAGES)
    parser.add_argument("--every", action="store_true", help="every theme and width")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    os.environ["NAPARI_MRF_PREPARE"] = "0"  # no bar of compilation in the pictures
    viewer = napari.Viewer(show=False)
    window = viewer.window._qt_window
    window.resize(1280, 800)
    window.show()
    dock_widget, dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")
    panel = dock.panels["importance"]
    for key, section in dock.sections.items():
        section.set_open(key == "importance")
    viewer.open_sample("napari-mrf", "thigh")
    wait(until=panel.run_button.isEnabled)

    def take(name):
        for theme in ("dark", "light") if arguments.every else ("dark",):
            viewer.theme = theme
            for width in (340, 300) if arguments.every else (340,):
                window.resizeDocks([dock_widget], [width], Qt.Orientation.Horizontal)
                wait()
                suffix = f"-{width}" if arguments.every else ""
                path = arguments.output / f"panel-{name}-{theme}{suffix}.png"
                dock.sections["importance"].grab().save(str(path))
                print(path.name)
        viewer.theme = "dark"

    measure(viewer, panel, "water-fat", voxels=100, repeats=2)
    panel.map_picker.setCurrentText("T1H2O")
    panel.map_picker.activated.emit(1)
    viewer.dims.set_point(0, 126)
    take("importance")
    if arguments.every:
        measure(viewer, panel, "cohen", voxels=0, repeats=1, group=5)
        panel.layer_button.click()
        viewer.reset_view()
        wait(1)
        window.grab().save(str(arguments.output / "plugin-importance.png"))
    viewer.close()


if __name__ == "__main__":
    main()
