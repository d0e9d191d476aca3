"""Tiny cohorts: eight voxels of a short FISP sequence a subject, done in 50 ms."""

import numpy as np

import napari_mrf as mrf
from napari_mrf.cohort.description import find_cohort
from napari_mrf.cohort.options import ReconstructionOptions
from napari_mrf.cohort.run import iter_run
from napari_mrf.compute.steps import Steps
from napari_mrf.data.label import Label
from napari_mrf.io import save_label_table, save_labels, save_series

SHORT = mrf.Sequence(
    name="short", kind="fisp", flip_angles_deg=5 + 50 * np.sin(np.arange(30) / 9) ** 2,
    repetition_times_ms=12.0, echo_times_ms=2.0, inversion_time_ms=20.0,
)  # fmt: skip
AFFINE = np.diag([2.0, 2.0, 8.0, 1.0])
QUICK = ReconstructionOptions(method="exhaustive", of_method={"refine": False})
SHAPE = (1, 2, 4)


def write_subjects(folder, names):
    """Write a series for each name, all different; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        rng = np.random.default_rng(index)
        n = int(np.prod(SHAPE))
        tissue = {"T1": rng.uniform(500, 2000, n), "T2": rng.uniform(40, 120, n)}
        signal = mrf.simulate(SHORT, tissue).T.reshape(-1, *SHAPE) * (1 + 2j)
        series = mrf.MRFSeries(signal.astype(np.complex64), AFFINE, SHORT)
        save_series(series, folder / f"{name}.nii")
    return folder


def write_regions(folder, names):
    """Write label maps of two regions, and their names; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.ones(SHAPE, np.uint16)
    labels[..., 2:] = 2
    for name in names:
        save_labels(folder / f"{name}.nii.gz", labels, AFFINE)
        save_label_table(folder / f"{name}.txt", [Label(1, "left"), Label(2, "right")])
    return folder


def run(series, output, options=QUICK, **keywords):
    """Run a cohort of paths to its end; return the states by subject, and the result."""
    paths = series if isinstance(series, list) else [series]
    steps = Steps(iter_run(find_cohort(paths), output, options, **keywords))
    states = {}
    for update in steps:
        if update.outcome is not None:
            states[update.outcome.name] = update.outcome.state
    return states, steps.result


def maps_bytes(folder):
    """Return the bytes of every map of every subject, by path in the folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("*/*.nii.gz")
    }
