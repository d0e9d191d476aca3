"""Print the table of spatiotemporal matching in docs/results.md.

    python docs/results_spatiotemporal.py thigh|brain|MAPS.npz noise-only|radial

Three slices of a phantom, or the maps of a real thigh (see docs/results.py), are measured by a
simulated scan of 20 dB and matched voxel by voxel and patch by patch. The phantom is none of the
training subjects, but of their family: only the real thigh tells what strangers are to the
method.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import napari_mrf as mrf
from napari_mrf.analysis.images.error_summary import map_errors
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.phantoms import acquire, brain, thigh

SHAPE = (3, 96, 96)
SEED = 5
KEYS = ("FF", "T1H2O", "T1fat", "Df", "B1")
SPOILED_WAYS = (
    ("water-fat", {"grid": "wide", "refine": False}),
    ("water-fat", {"grid": "wide"}),
    ("spatiotemporal", {}),
    ("spatiotemporal", {"subjects": 12}),
)
FISP_WAYS = (
    ("exhaustive", {"refine": False}),
    ("spatiotemporal", {}),
    ("spatiotemporal", {"subjects": 12}),
)


def real_thigh(path: Path) -> mrf.ParameterMaps:
    with np.load(path, allow_pickle=False) as data:
        inside = data["foreground"].astype(bool)
        maps = {key: np.where(inside, data[key], np.nan)[None] for key in KEYS}
    return mrf.ParameterMaps(maps, affine=np.diag([-1.0, -1.0, 8.0, 1.0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("object")
    parser.add_argument("mode", choices=("noise-only", "radial"))
    arguments = parser.parse_args()
    scan = {"mode": arguments.mode, "snr_db": 20.0, "seed": SEED}
    if arguments.object == "brain":
        sequence, ways = mrf.sequences.fisp(), FISP_WAYS
        truth = brain(SHAPE, seed=SEED).truth()
        scan |= {"spokes_per_pulse": 4}
    else:
        sequence, ways = mrf.sequences.t1ff(), SPOILED_WAYS
        phantom = arguments.object == "thigh"
        truth = thigh(SHAPE, seed=SEED).truth() if phantom else real_thigh(Path(arguments.object))
        scan |= {"matrix_size": 350} if arguments.mode == "radial" else {}
    series = acquire(truth, sequence, **scan)
    tissue = np.isfinite(truth[sequence.parameters[-1]])
    windows = (1, 25) if arguments.mode == "radial" else (1,)
    keys = [key for key in sequence.parameters if key != "PD"]
    print("| way | " + " | ".join(f"{key} ({PARAMETERS[key].unit})".replace(" ()", "")
                                  for key in keys) + " | seconds |")  # fmt: skip
    print("|" + "---|" * (len(keys) + 2))
    for name, options in ways:
        for window in windows:
            method = mrf.methods.get(name, sequence=sequence, window=window, **options)
            method.prepare()
            start = time.perf_counter()
            maps = method.reconstruct(series, tissue)
            seconds = time.perf_counter() - start
            words = [name, *(f"{key} {value}" for key, value in options.items())]
            words += [f"window {window}"] if window > 1 else []
            cells = []
            for row in map_errors(maps, truth, tissue):
                if row.key in keys:
                    digits = 1 if row.unit == "ms" else 2 if row.unit else 4
                    cells.append(f"{row.mean_absolute_error:.{digits}f} ({row.bias:+.{digits}f})")
            print(f"| {', '.join(words)} | {' | '.join(cells)} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
