"""A large series is looked at without being read: measured in a process of its own."""

import json
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

SHAPE = (350, 350, 5, 175)  # (X, Y, Z, T), 857 MB of complex64
ALLOWED_MB = 400

SCRIPT = """
import json, sys, time
import napari
from qtpy.QtWidgets import QApplication
import napari_mrf.plugin.dock
from napari_mrf import methods, sequences
methods.available(sequences.t1ff()), methods.devices()

def anonymous_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

def wait(until):
    end = time.monotonic() + 120
    while time.monotonic() < end and not until():
        QApplication.processEvents()
        time.sleep(0.01)
    assert until()

baseline = anonymous_mb()
viewer = napari.Viewer(show=True)
_, dock = viewer.window.add_plugin_dock_widget("napari-mrf", "MRF")
empty = anonymous_mb()
viewer.open(sys.argv[1], plugin="napari-mrf")
wait(lambda: len(viewer.layers) == 1)
wait(dock.panels["reconstruct"].run_button.isEnabled)
peak = anonymous_mb()
slowest = 0.0
for frame in range(0, 175, 25):
    for z in range(5):
        started = time.thread_time()
        viewer.dims.set_point((0, 1), (frame, z * 8))
        QApplication.processEvents()
        slowest = max(slowest, time.thread_time() - started)
        peak = max(peak, anonymous_mb())
print(json.dumps({"above_baseline": peak - baseline, "series": peak - empty,
                  "lazy": viewer.layers[0].metadata["mrf_series"].is_lazy,
                  "slowest_s": slowest}))
viewer.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_uncompressed_series_opens_memory_mapped(sparse_series):
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(sparse_series)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout.splitlines()[-1])
    assert measured["lazy"]
    assert measured["above_baseline"] < ALLOWED_MB
    assert measured["slowest_s"] < 1.0


@pytest.fixture
def sparse_series(tmp_path):
    """A file with holes: it takes no room on the disk and reads as zeros."""
    header = nib.Nifti1Header()
    header.set_data_dtype(np.complex64)
    header.set_data_shape(SHAPE)
    header.set_sform(np.diag([-1.0, -1.0, 8.0, 1.0]), code=1)
    header.set_xyzt_units("mm")
    path = tmp_path / "large.nii"
    with path.open("wb") as file:
        header.write_to(file)
        file.truncate(352 + int(np.prod(SHAPE)) * 8)
    return path
