"""A measured series with its maps, checked, as arrays to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.compute.memory import refuse_beyond_memory
from napari_mrf.data.geometry import check_same_grid
from napari_mrf.errors import MRFInputError
from napari_mrf.io import load_maps, load_series
from napari_mrf.io.labels.masks import load_mask

if TYPE_CHECKING:
    from collections.abc import Sequence as Several
    from pathlib import Path

    from torch import Tensor

    from napari_mrf.data.sequence import Sequence
    from napari_mrf.networks.normalization import Normalization
    from napari_mrf.training.recipe import SubjectFiles

# A map that was estimated at the end of its range may lie a rounding beyond it.
_BEYOND = 1e-4


@dataclass(frozen=True)
class MeasuredSubject:
    """One subject in memory.

    Parameters
    ----------
    signals : Tensor
        (Z, T, Y, X) complex64, as measured.
    maps : Tensor
        (Z, M, Y, X) scaled; NaN where there is no value.
    counted : Tensor
        (Z, Y, X) bool: in the mask, with a signal, every map there and within its range.
    """

    signals: Tensor
    maps: Tensor
    counted: Tensor


def read_subject(
    files: SubjectFiles,
    folder: Path,
    keys: Several[str],
    sequence: Sequence,
    normalization: Normalization,
) -> MeasuredSubject:
    """Read series, maps and mask of a subject.

    Parameters
    ----------
    files : SubjectFiles
        Names, relative to the folder.
    folder : Path
        That of the recipe.
    keys : sequence of str
        Maps that are needed, in their order.
    sequence : Sequence
        What was played.
    normalization : Normalization
        Scales the maps.

    Raises
    ------
    MRFInputError
        ``"frames-mismatch"``, ``"no-maps"``, ``"other-grid"``, ``"bad-mask"``, ``"too-large"``,
        ``"bad-recipe"`` when no voxel is left, and what the readers raise.
    """
    path, maps_folder = folder / files.series, folder / files.maps
    series = load_series(path, sequence, axes=files.axes, dataset=files.dataset)
    maps = load_maps(maps_folder)
    missing = [key for key in keys if key not in maps]
    if missing:
        raise MRFInputError(
            "no-maps", f"the folder lacks the map {missing[0]}, which the recipe asks for",
            path=maps_folder, expected=", ".join(keys), found=", ".join(maps),
        )  # fmt: skip
    check_same_grid(maps, series, "the maps lie on another grid than the series", path=maps_folder)
    refuse_beyond_memory(8 * int(np.prod(series.signal.shape)), "the series", path)
    measured = np.asarray(series.signal, np.complex64)
    signals = torch.from_numpy(np.array(np.moveaxis(measured, 0, 1), order="C"))  # a copy
    values = torch.from_numpy(np.stack([maps[key] for key in keys], axis=1).astype(np.float32))
    scaled = normalization.scaled(values)
    power = (torch.view_as_real(signals) ** 2).sum(dim=(1, -1))
    # NaN fails every comparison.
    within = ((scaled >= -_BEYOND) & (scaled <= 1 + _BEYOND)).all(dim=1)
    counted = within & torch.isfinite(power) & (power > 0)
    if files.mask is not None:
        counted &= torch.from_numpy(load_mask(folder / files.mask, series))
    elif series.mask is not None:
        counted &= torch.from_numpy(series.mask)
    if not bool(counted.any()):
        raise MRFInputError(
            "bad-recipe", "no voxel of the series can be used for training", path=path,
            expected="voxels in the mask with a signal and every map within the recipe's range",
        )  # fmt: skip
    # Not finite is no signal: as an image has it, neighbors must not suffer from it.
    signals[~torch.isfinite(power)[:, None].expand_as(signals)] = 0
    return MeasuredSubject(signals, scaled, counted)
