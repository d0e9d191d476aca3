"""Starting: Python alone, ``import napari_mrf`` and ``napari-mrf --help``, in new processes.

    python benchmarks/bench_startup.py

Bounds: 0.3 s for the import, 0.6 s for the help. Of several starts the quickest counts; the time
on the processor stands beside it, since a busy machine makes all wait.
"""

import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import psutil

STARTS = 7
COMMAND = Path(sysconfig.get_path("scripts")) / "napari-mrf"
CASES = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import napari_mrf": [sys.executable, "-c", "import napari_mrf"],
    "napari-mrf --help": [str(COMMAND), "--help"],
}


def seconds(command):
    """Return wall and processor seconds of one start."""
    process = psutil.Process()
    before, start = process.cpu_times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, process.cpu_times()
    user = after.children_user - before.children_user
    return wall, user + after.children_system - before.children_system


def main():
    print(f"{'':20s}  {'wall':>6s}  {'processor':>9s}")
    for name, command in CASES.items():
        walls, processor = zip(*(seconds(command) for _ in range(STARTS)), strict=True)
        print(f"{name:20s}  {min(walls):4.2f} s  {min(processor):7.2f} s")


if __name__ == "__main__":
    main()
