"""Remake the pictures of temporal importance in docs/images from the sample.

    python docs/results_importance.py [--voxels 400] [--repeats 3]

The figure of the command `importance` on the bundled thigh, and, printed as a table for
docs/analysis.md, what permuting measured values does instead of aligned ones, as acquired and with
a gain and receive phase that differ from voxel to voxel. About a minute on two cores.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import napari_mrf as mrf
from napari_mrf.analysis.importance.measure import importance
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.compute.steps import result_of
from napari_mrf.plots.figure_files import write_figure
from napari_mrf.plots.importance_figure import importance_figure
from napari_mrf.reconstruction.foreground import finding_foreground

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
STRIDE = 15


def print_intensities(method, series, voxels: int, repeats: int) -> None:
    """Compare aligned and raw intensities, as acquired and with a random factor per voxel."""
    generator = np.random.default_rng(0)
    shape = series.spatial_shape
    factors = generator.uniform(0.5, 2, shape) * np.exp(2j * np.pi * generator.random(shape))
    coil = replace(series, signal=(np.asarray(series.signal) * factors).astype(np.complex64))
    mask = result_of(finding_foreground(series))
    n_frames = len(ImportanceOptions(stride=STRIDE).frame_groups(series.n_frames))
    print(f"Mean |NRMSE change| over {n_frames} frames (every {STRIDE}th), % of the range; "
          f"water-fat, {voxels} voxels, {repeats} repeats\n")  # fmt: skip
    print("| intensities | series | FF | T1H2O | T1fat | Df | B1 |")
    print("|---|---|---|---|---|---|---|")
    for intensities in ("aligned", "raw"):
        for name, one in (("as acquired", series), ("random gain and phase", coil)):
            options = ImportanceOptions(
                stride=STRIDE, voxels=voxels, repeats=repeats, intensities=intensities
            )
            found = importance(method, one, mask=mask, options=options, fisher=False)
            cells = " | ".join(f"{100 * found.mean(key).mean():.2f}" for key in found.keys)
            print(f"| {intensities} | {name} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voxels", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=IMAGES)
    arguments = parser.parse_args()
    series = mrf.load_series(ROOT / "sample_data" / "thigh_t1ff.nii")
    method = mrf.methods.get("water-fat", sequence=series.sequence, refine=True)
    options = ImportanceOptions(voxels=arguments.voxels, repeats=arguments.repeats)
    found = importance(method, series, options=options)
    write_figure(importance_figure(found), arguments.output / "importance.png", "png")
    print_intensities(method, series, arguments.voxels, arguments.repeats)


if __name__ == "__main__":
    main()
