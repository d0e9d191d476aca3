"""A raw file of many slices stays on the disk but for the slice that is read."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from raw_cases import radial, samples

from napari_mrf.io.raw.ismrmrd_write import write_ismrmrd

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is told by /proc/self/status"
)

N_SLICES, SHAPE = 12, (8, 200, 512)
SLICE_BYTES = 8 * 8 * 200 * 512
PROBE = """
import json, sys
from pathlib import Path
import napari_mrf as mrf, napari_mrf.io.raw.ismrmrd

def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))

mrf.load_raw(sys.argv[2]).read(0)
before = peak()
raw = mrf.load_raw(sys.argv[1])
opened = peak()
total = sum(float(abs(raw.read(z)).sum()) for z in range(raw.n_slices))
print(json.dumps([before, opened, peak(), total]))
"""


def test_memory_does_not_grow_with_the_slices(tmp_path):
    values = [samples(SHAPE, seed) for seed in range(N_SLICES)]
    for name, slices in (("big.h5", values), ("one.h5", [one[:, :, ::8] for one in values[:1]])):
        write_ismrmrd(
            tmp_path / name, slices, radial(200, slices[0].shape[-1]), samples((8, 64)),
            matrix=(256, 256), affine=np.eye(4), dwell_time_us=4.0,
        )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path / "big.h5"), str(tmp_path / "one.h5")],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    before, opened, read, total = json.loads(done.stdout)
    assert total == pytest.approx(sum(float(np.abs(one).sum()) for one in values), rel=1e-5)
    # Coordinates and blocks of records on opening; two slices in turn, and blocks, on reading.
    assert opened - before < 4 * SLICE_BYTES
    assert read - before < 6 * SLICE_BYTES < N_SLICES * SLICE_BYTES
