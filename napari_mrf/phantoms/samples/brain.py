"""The brain sample: a head measured with FISP, made on first use and kept in the cache."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data import sequences
from napari_mrf.io.atomic import make_folder, write_error
from napari_mrf.io.kept_files import cache_folder, delete_kept, keeping
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.brain.phantom import brain
from napari_mrf.phantoms.files import LABELS_NAME, ROIS_NAME, TRUTH_NAME, save_phantom
from napari_mrf.phantoms.samples import store
from napari_mrf.phantoms.samples.store import RECORD_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

BRAIN_SERIES_NAME = "brain_fisp.nii"
# Raise it when the numbers change, so that copies made by earlier versions are left alone.
_VERSION = 1
_SEED = 4
_SHAPE = (1, 128, 128)
_N_LESIONS = 3
_SNR_DB = 25.0
_N_COILS = 4
_SPOKES_PER_PULSE = 4

_README = """\
# Sample: a brain measured with FISP

A simulated head, so the truth is known; no person was measured. Made by
`napari_mrf.phantoms.samples.brain.make_brain_sample`.

| file | what it is |
|---|---|
| `{series}` | the acquired series: {frames} frames of {y} x {x} voxels, complex64 |
| `{truth}/` | the true maps PD, T1 and T2, with their record `maps.json` |
| `{rois}`, `{labels}` | labels of the tissues, with names and colors |
| `{record}` | how the series was made, and the size of every image |

The acquisition: {spokes} golden-angle radial spokes per pulse, which stand for a spiral arm
({undersampling:.0f}-fold undersampled), {coils} coils, noise at {snr:g} dB on unit-norm
fingerprints, and an unknown receive phase. White matter has {lesions} lesions.

    napari-mrf reconstruct {series} --output maps/
"""


def make_brain_sample(
    directory: str | Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Make the brain sample in a folder; takes some ten seconds and 130 MB.

    Parameters
    ----------
    directory : str or Path
        Created where needed; files of an earlier sample are replaced.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    Path
        The folder, with `BRAIN_SERIES_NAME`, its sidecar, the truth, the labels and a record.

    Raises
    ------
    MRFInputError
        Codes of failed writes, such as ``"disk-full"`` and ``"not-writable"``.
    """
    folder = Path(directory)
    phantom = brain(_SHAPE, seed=_SEED, n_lesions=_N_LESIONS)
    series = acquire(
        phantom, sequences.fisp(), mode="radial", snr_db=_SNR_DB, n_coils=_N_COILS,
        spokes_per_pulse=_SPOKES_PER_PULSE, seed=_SEED, progress=progress,
    )  # fmt: skip
    made = series.metadata
    n_frames, _, height, width = series.signal.shape
    make_folder(folder)
    try:
        files = save_phantom(folder, phantom, series, series_name=BRAIN_SERIES_NAME, overwrite=True)
        text = _README.format(
            series=BRAIN_SERIES_NAME, truth=TRUTH_NAME, rois=ROIS_NAME, labels=LABELS_NAME,
            record=RECORD_NAME, frames=n_frames, y=height, x=width, spokes=_SPOKES_PER_PULSE,
            undersampling=made["undersampling_factor"], coils=_N_COILS, snr=_SNR_DB,
            lesions=_N_LESIONS,
        )  # fmt: skip
        readme = folder / "README.md"
        readme.write_text(text, encoding="utf-8")
        store.write_record(folder, _VERSION, made, [*files, readme])
    except OSError as error:
        raise write_error(error, folder) from error
    return folder


def cache_directory() -> Path:
    """Return the folder of samples made on first use (it need not exist)."""
    return cache_folder("samples")


def brain_sample_directory(*, progress: Callable[[int, int], None] | None = None) -> Path:
    """Return the folder of the brain sample in the cache, making it on first use.

    Parameters
    ----------
    progress : callable, optional
        Called with (steps done, steps in all) while the sample is made.

    Raises
    ------
    MRFInputError
        As `make_brain_sample`.
    """
    folder = cache_directory() / f"brain-{_VERSION}"
    with keeping(folder, "the cache folder for samples"):
        store.make_once(folder, _VERSION, partial(make_brain_sample, progress=progress))
    return folder


def clear_cache() -> int:
    """Delete the samples of the cache that are not open and return the number of bytes freed."""
    return delete_kept(cache_directory())
