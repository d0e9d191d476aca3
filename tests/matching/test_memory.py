"""A series larger than the memory it may take is streamed from the disk."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from matching_cases import measured, random_tissue

import napari_mrf as mrf
from napari_mrf.io.formats.nifti_write import header_bytes

SHAPE = (175, 12, 192, 192)
SERIES_BYTES = 8 * int(np.prod(SHAPE))  # 619 MB
SLICE_BYTES = SERIES_BYTES // SHAPE[1]
# Two copies of a slice, and the tables of a second search.
ALLOWED_BYTES = 2 * SLICE_BYTES + 80 * 2**20

# What does not grow with the series is no part of the measurement: imports, compiled kernels.
SCRIPT = """
import sys
import dask.array
import numpy as np
import napari_mrf as mrf
from napari_mrf import cli
sequence = mrf.sequences.t1ff()
turns = np.arange(175 * 4).reshape(175, 1, 2, 2)
signal = (np.exp(1j * turns) * (1 + turns)).astype(np.complex64)
small = mrf.MRFSeries(dask.array.from_array(signal), sequence=sequence)
mrf.methods.get("water-fat", sequence=sequence, refine=True).reconstruct(small)
print("ready", flush=True)
sys.stdin.readline()
sys.exit(cli.main(sys.argv[1:]))
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="private memory is told by /proc"
)


def private_bytes(process_id):
    """Memory that no file backs, which is what a machine runs out of."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def write_sparse(path, signals):
    """Write a series whose slices hold a row of the same fingerprints, and nothing else."""
    content = header_bytes(SHAPE[::-1], np.dtype(np.complex64), np.eye(4))
    with path.open("wb") as file:
        file.write(content)
        file.truncate(len(content) + SERIES_BYTES)
    mapped = np.memmap(path, np.complex64, "r+", len(content), SHAPE)
    mapped[:, :, 100, : len(signals)] = signals.T[:, None]
    mapped.flush()


def peak_above_start(arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    baseline = peak = private_bytes(process.pid)
    process.stdin.write("go\n")
    process.stdin.flush()
    while process.poll() is None:
        peak = max(peak, private_bytes(process.pid))
        time.sleep(0.01)  # between two looks, not to wait for a result
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return peak - baseline


@pytest.mark.slow
def test_series_is_never_held_as_a_whole(tmp_path):
    rng = np.random.default_rng(0)
    tissue = random_tissue(40, rng)
    write_sparse(tmp_path / "series.nii", measured(mrf.sequences.t1ff(), tissue, 30, rng))
    mask = np.zeros(SHAPE[1:], bool)
    mask[:, 100, :40] = True
    np.save(tmp_path / "mask.npy", mask)
    peak = peak_above_start(
        ["reconstruct", tmp_path / "series.nii", "--sequence", "t1ff",
         "--mask", tmp_path / "mask.npy", "--output", tmp_path / "maps"]
    )  # fmt: skip
    assert SERIES_BYTES > 3 * ALLOWED_BYTES
    assert peak < ALLOWED_BYTES
    found = mrf.load_maps(tmp_path / "maps")
    assert np.isfinite(found["FF"]).sum() == mask.sum()
    # Every slice holds the same fingerprints: none was left out or read twice.
    for values in found.values():
        np.testing.assert_array_equal(values, np.broadcast_to(values[:1], values.shape))
    np.testing.assert_allclose(found["FF"][0, 100, :40], tissue["FF"], atol=0.05)
