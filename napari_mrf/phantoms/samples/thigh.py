"""The bundled sample: a small acquired thigh with its truth, made the same way everywhere."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data import sequences
from napari_mrf.io.atomic import make_folder, write_error
from napari_mrf.io.kept_files import cache_folder, keeping
from napari_mrf.phantoms.acquisition.acquire import acquire
from napari_mrf.phantoms.files import LABELS_NAME, ROIS_NAME, TRUTH_NAME, save_phantom
from napari_mrf.phantoms.samples import store
from napari_mrf.phantoms.samples.store import RECORD_NAME
from napari_mrf.phantoms.thigh.phantom import thigh

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_mrf.data.series import MRFSeries
    from napari_mrf.phantoms.acquisition.acquire import SliceKSpace
    from napari_mrf.phantoms.phantom import Phantom

SERIES_NAME = "thigh_t1ff.nii"
RAW_THIGH_NAME = "thigh_raw.h5"
# Raise it when the numbers change, so that copies made by earlier versions are left alone.
_VERSION = 1
_SEED = 3
_SHAPE = (1, 84, 96)
_VOXEL_SIZE_MM = 1.8
_SNR_DB = 25.0
_RAW_VERSION = 1
_RAW_SHAPE = (1, 96, 96)

_README = """\
# Sample: a thigh measured with MRF T1-FF

A simulated patient, so the truth is known. Made by `make.py` (in a checkout) or by
`napari_mrf.phantoms.samples.thigh.make_sample`; no person was measured.

| file | what it is |
|---|---|
| `{series}` | the acquired series: {frames} frames of {y} x {x} voxels of {voxel:g} mm, complex64 |
| `{sidecar}` | its sidecar: the sequence, pulse by pulse |
| `{truth}/` | the true maps FF, T1H2O, T1fat, Df, B1 and m0, with their record `maps.json` |
| `{rois}` | labels of 13 muscles, fat, femur, vessels, skin and nerve |
| `{labels}` | names and colors of the labels, for ITK-SNAP and this plugin |
| `{record}` | how the series was made, and the size of every image |

The acquisition: one golden-angle radial spoke per pulse, {spokes} spokes per frame
({undersampling:.1f}-fold undersampled), {coils} coils, noise at {snr:g} dB on unit-norm
fingerprints, and an unknown receive phase. Some muscles are infiltrated with fat,
some have edema (raised water T1).

    napari-mrf reconstruct {series} --output maps/
"""


def make_sample(
    directory: str | Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Make the sample data in a folder; takes some seconds.

    The same on every computer to 1e-5 of the largest signal.

    Parameters
    ----------
    directory : str or Path
        Created where needed; files of an earlier sample are replaced.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    Path
        The folder, with `SERIES_NAME`, its sidecar, `TRUTH_NAME`, `ROIS_NAME`,
        `LABELS_NAME`, `RECORD_NAME` and ``README.md``.

    Raises
    ------
    MRFInputError
        Codes of failed writes, such as ``"disk-full"`` and ``"not-writable"``.
    """
    folder = Path(directory)
    phantom = thigh(_SHAPE, seed=_SEED, voxel_size_mm=_VOXEL_SIZE_MM)
    series = acquire(
        phantom, sequences.t1ff(), mode="radial", snr_db=_SNR_DB, seed=_SEED, progress=progress
    )
    make_folder(folder)
    try:
        _write(folder, phantom, series)
    except OSError as error:
        raise write_error(error, folder) from error
    return folder


def _write(folder: Path, phantom: Phantom, series: MRFSeries) -> None:
    files = save_phantom(folder, phantom, series, series_name=SERIES_NAME, overwrite=True)
    readme = folder / "README.md"
    made = series.metadata
    n_frames, _, height, width = series.signal.shape
    text = _README.format(
        series=SERIES_NAME, sidecar=Path(SERIES_NAME).with_suffix(".json").name,
        truth=TRUTH_NAME, rois=ROIS_NAME, labels=LABELS_NAME, record=RECORD_NAME,
        frames=n_frames, y=height, x=width, voxel=_VOXEL_SIZE_MM,
        spokes=made["spokes_per_frame"], undersampling=made["undersampling_factor"],
        coils=made["n_coils"], snr=made["snr_db"],
    )  # fmt: skip
    readme.write_text(text, encoding="utf-8")
    files.append(readme)
    store.write_record(folder, _VERSION, made, files)


def is_complete(directory: str | Path) -> bool:
    """Return whether a folder holds this version's sample, every image in its full size."""
    return store.is_complete(Path(directory), _VERSION)


def sample_directory(*, progress: Callable[[int, int], None] | None = None) -> Path:
    """Return the folder of the sample data, making it on first use.

    In a checkout this is ``sample_data/`` of the repository. An installed package makes the
    sample once in the user's data folder; it appears there complete or not at all.

    Parameters
    ----------
    progress : callable, optional
        Called with (steps done, steps in all) while the sample is made.

    Raises
    ------
    MRFInputError
        As `make_sample`.
    """
    from platformdirs import user_data_path

    checkout = Path(__file__).resolve().parents[3] / "sample_data"
    if is_complete(checkout):
        return checkout
    folder = user_data_path("napari-mrf", appauthor=False) / f"sample-{_VERSION}"
    with keeping(folder, "the data folder for samples", variable="XDG_DATA_HOME"):
        store.make_once(folder, _VERSION, partial(make_sample, progress=progress))
    return folder


_RAW_README = """\
# Sample: raw data of a thigh measured with MRF T1-FF

A simulated patient, so the truth is known; no person was measured. Made by
`napari_mrf.phantoms.samples.thigh.make_raw_sample`.

| file | what it is |
|---|---|
| `{raw}` | what the coils measured (ISMRMRD): {spokes} spokes, {coils} coils, noise |
| `{series}` | the series that is gridded of it, with its sidecar |
| `{truth}/` | the true maps FF, T1H2O, T1fat, Df, B1 and m0, with their record `maps.json` |
| `{rois}`, `{labels}` | labels of the tissues, with names and colors |
| `{record}` | how it was measured |

    napari-mrf reconstruct {raw} --sequence t1ff --output maps/
"""


def make_raw_sample(
    directory: str | Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Make the raw sample in a folder: takes some seconds and 45 MB.

    Parameters
    ----------
    directory : str or Path
        Created where needed; files of an earlier sample are replaced.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    Path
        The folder, with `RAW_THIGH_NAME`, the gridded series, truth, labels and a record.

    Raises
    ------
    MRFInputError
        Codes of failed writes, such as ``"disk-full"`` and ``"not-writable"``.
    """
    folder = Path(directory)
    sequence = sequences.t1ff()
    phantom = thigh(_RAW_SHAPE, seed=_SEED, voxel_size_mm=_VOXEL_SIZE_MM)
    kspace: list[SliceKSpace] = []
    series = acquire(phantom, sequence, mode="radial", snr_db=_SNR_DB, seed=_SEED,
                     progress=progress, kspace=kspace)  # fmt: skip
    make_folder(folder)
    try:
        files = save_phantom(folder, phantom, series, series_name=SERIES_NAME, kspace=kspace,
                             raw_name=RAW_THIGH_NAME, overwrite=True)  # fmt: skip
        text = _RAW_README.format(
            raw=RAW_THIGH_NAME, series=SERIES_NAME, truth=TRUTH_NAME, rois=ROIS_NAME,
            labels=LABELS_NAME, record=RECORD_NAME, spokes=sequence.n_pulses,
            coils=series.metadata["n_coils"],
        )  # fmt: skip
        readme = folder / "README.md"
        readme.write_text(text, encoding="utf-8")
        store.write_record(folder, _RAW_VERSION, series.metadata, [*files, readme])
    except OSError as error:
        raise write_error(error, folder) from error
    return folder


def raw_sample_directory(*, progress: Callable[[int, int], None] | None = None) -> Path:
    """Return the folder of the raw sample in the cache, making it on first use.

    Parameters
    ----------
    progress : callable, optional
        Called with (steps done, steps in all).

    Raises
    ------
    MRFInputError
        As `make_raw_sample`.
    """
    folder = cache_folder("samples") / f"raw-thigh-{_RAW_VERSION}"
    with keeping(folder, "the cache folder for samples"):
        store.make_once(folder, _RAW_VERSION, partial(make_raw_sample, progress=progress))
    return folder
