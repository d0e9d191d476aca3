"""A series of the usual size stays on the disk."""

import json
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is told by /proc/self/status"
)

SHAPE = (350, 350, 5, 175)
SLICE_BYTES = 350 * 350 * 175 * 8
PROBE = """
import json, sys
import numpy as np
import napari_mrf as mrf, napari_mrf.io

def memory(name):
    for line in open("/proc/self/status"):
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024

imported = memory("RssAnon")
series = mrf.load_series(sys.argv[1], mrf.sequences.t1ff())
opened = memory("RssAnon"), memory("RssFile")
slab = series.slab(2)
sample = complex(slab[3, 4, 5]) + float(slab.real[..., ::16].sum())  # touches every page
read = memory("RssAnon"), memory("RssFile")
trace = series.fingerprint(4, 1, 2)
print(json.dumps([imported, opened, read, sample.real, sample.imag, float(abs(trace).max())]))
"""


@pytest.fixture
def sparse(tmp_path):
    """857 MB of zeros that take no room on the disk, with one number in slice 2."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.complex64)
    header.set_data_shape(SHAPE)
    header.set_sform(np.diag([1, 1, 8, 1]), code=1)
    header["pixdim"][1:4] = 1, 1, 8
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    path = tmp_path / "big.nii"
    with path.open("wb") as file:
        file.write(header.binaryblock + bytes(4))
        file.truncate(352 + SLICE_BYTES * 5)
        file.seek(352 + 8 * (((3 * 5 + 2) * 350 + 4) * 350 + 5))
        file.write(np.complex64(3 - 4j).tobytes())
    return path


def test_series_of_857_megabytes_opens_with_little_memory(sparse):
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(sparse)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    imported, opened, read, real, imaginary, largest = json.loads(done.stdout)
    assert (real, imaginary, largest) == (3.0, -4.0, 0.0)
    assert opened[0] - imported < 100e6
    assert read[0] - imported < 400e6
    # Copied or mapped, it is one slice, and not the five of the file.
    grown = read[0] + read[1] - opened[0] - opened[1]
    assert 0.5 * SLICE_BYTES < grown < 1.5 * SLICE_BYTES
