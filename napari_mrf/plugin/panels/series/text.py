"""A series in words: one line for a header, rows for the panel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_mrf.data.orientation import DisplayOrientation

if TYPE_CHECKING:
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.data.series import MRFSeries

_PLANES = {"IS": "axial", "SI": "axial", "PA": "coronal", "AP": "coronal", "LR": "sagittal",
           "RL": "sagittal"}  # fmt: skip


def one_line(name: str, series: MRFSeries) -> str:
    """Return ``"thigh · MRF T1-FF · 175 frames · 1 × 350 × 350"``."""
    grid = " × ".join(str(n) for n in series.spatial_shape)
    sequence = series.sequence.name if series.sequence is not None else "no sequence"
    return f"{name} · {sequence} · {series.n_frames} frames · {grid}"


def facts_of(series: MRFSeries) -> list[tuple[str, str, str]]:
    """Return rows of name, value and tooltip."""
    z, y, x = series.spatial_shape
    slices = "1 slice" if z == 1 else f"{z} slices"
    rows = [
        ("Frames", str(series.n_frames), "Images over time: the length of a fingerprint"),
        ("Grid", f"{slices} · {y} × {x}", "Slices, rows and columns as they are in the file"),
    ]
    sizes = series.voxel_sizes_mm
    if sizes is None:
        rows.append(("Voxel", "size unknown", "The file has no usable geometry: volumes in ml are "
                     "not available, and left and right are not known"))  # fmt: skip
    else:
        plane = _PLANES["".join(DisplayOrientation.from_affine(series.affine).letters[0])]
        z_mm, y_mm, x_mm = sizes
        rows.append(("Voxel", f"{x_mm:.3g} × {y_mm:.3g} × {z_mm:.3g} mm · {plane}",
                     "Edge lengths x × y × z, and the plane of the slices. Shown upright, the "
                     "patient's right at the left of the screen"))  # fmt: skip
    if series.source_path:
        rows.append(("File", Path(series.source_path).name, series.source_path))
    n_bytes = series.signal.dtype.itemsize
    for n in series.signal.shape:
        n_bytes *= int(n)
    where = "on demand" if series.is_lazy else "in memory"
    rows.append(("Signal", f"{_size(n_bytes)} · {where}",
                 f"Size of the complex images ({series.signal.dtype}), unpacked, and whether "
                 "they are read from the disk when needed"))  # fmt: skip
    return rows


def _size(n_bytes: int) -> str:
    value = float(n_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def spokes_question(series: MRFSeries, sequence: Sequence) -> str:
    """Return what to ask where a series has one image a pulse, and frames were expected."""
    found, expected, spokes = series.n_frames, sequence.n_frames, sequence.pulses_per_frame
    overlap = sequence.pulses_between_frames is not None
    start = "Is" if overlap else f"{found} / {expected} = {spokes}: is"
    return (
        f"The series has {found} frames, {sequence.name} has {expected}. "
        f"{start} this the unaveraged spoke series?"
    )
