"""Kernels compile where nothing can be written."""

import os
import subprocess
import sys
from pathlib import Path

import napari_mrf


def test_kernels_work_where_no_cache_can_be_written(tmp_path):
    # Numba looks for a place beside the source, then in the user's cache folder. A zipped
    # package (no real folder) without a home offers neither.
    code = (
        "import numba.core.caching as caching\n"
        "caching._CacheLocator.ensure_cache_path = lambda self: (_ for _ in ()).throw(OSError())\n"
        "import numpy as np, napari_mrf as mrf\n"
        "from napari_mrf.compute.compilation import OPTIONS\n"
        "assert OPTIONS['cache'] is False, OPTIONS\n"
        "sequence = mrf.Sequence(name='x', kind='fisp', flip_angles_deg=[90.0, 0.0],"
        " repetition_times_ms=10.0, echo_times_ms=0.0)\n"
        "signal = mrf.simulate(sequence, {'T1': [1000.0], 'T2': [100.0]})\n"
        "print(round(abs(signal[0, 0]), 6))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(napari_mrf.__file__).parents[1])}
    output = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert output.stdout.strip() == "1.0", output.stderr
