"""Make the picture of the window of a cohort by driving it.

    python docs/screenshots_cohort.py

Needs a display with OpenGL; without one, run it under
``xvfb-run -a -s "-screen 0 1600x1000x24"``. About a minute on two cores.
"""

import argparse
import os
import tempfile
from pathlib import Path

import napari
import numpy as np
from screenshots_importance import IMAGES, wait

import napari_mrf as mrf
from napari_mrf.data import sequences
from napari_mrf.io import save_series
from napari_mrf.plugin.panels.cohort.controller import cohort_run_of

SUBJECTS = ("S01_visit1", "S01_visit2", "S02_visit1", "S02_visit2", "S03_visit1")
SHAPE = (1, 8, 8)


def write_study(folder):
    """Write a series for each subject, a damaged one last; return the table."""
    sequence = sequences.fisp()
    n = int(np.prod(SHAPE))
    rows = ["subject,session,series"]
    for seed, name in enumerate(SUBJECTS):
        rng = np.random.default_rng(seed)
        tissue = {"T1": rng.uniform(500, 2000, n), "T2": rng.uniform(40, 120, n)}
        signal = mrf.simulate(sequence, tissue).T.reshape(-1, *SHAPE).astype(np.complex64)
        series = mrf.MRFSeries(signal, np.diag([1.0, 1.0, 5.0, 1.0]), sequence)
        save_series(series, folder / f"{name}.h5")
        subject, session = name.split("_")
        rows.append(f"{subject},{session},{name}.h5")
    damaged = folder / f"{SUBJECTS[-1]}.h5"
    damaged.write_bytes(damaged.read_bytes()[:5000])
    table = folder / "study.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=IMAGES)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    os.environ["NAPARI_MRF_PREPARE"] = "0"  # no bar of compilation in the pictures
    viewer = napari.Viewer(show=False)
    dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")[1]
    viewer.window._qt_window.show()
    cohort = cohort_run_of(viewer)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # so that no folder of this machine is in the picture
        write_study(Path())
        cohort.open(dock)
        cohort.window.resize(760, 620)
        wait(until=lambda: not cohort.listing.status.is_running)
        cohort.window.subjects_edit.setText("study.csv")
        cohort.window.edits["output"].setText("maps")
        cohort.start()
        wait(until=lambda: not cohort.job.status.is_running)
        wait(1.0)
        cohort.window.grab().save(str(arguments.output / "cohort.png"))
        os.chdir("/")
    viewer.close()


if __name__ == "__main__":
    main()
