"""Temporal importance as a table: one row a group of frames and map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.importance.result import Importance

COLUMNS = (
    "frame",
    "last_frame",
    "map",
    "unit",
    "nrmse_change_mean",
    "nrmse_change_sd",
    "repeats",
    "voxel_change_mean",
    "nrmse_baseline",
    "reference_range",
    "n",
    "fisher_share",
    "region",
    "reason",
)
"""What each means: docs/analysis.md."""


def importance_table(importance: Importance) -> pd.DataFrame:
    """Return a row for every group of frames and every map, in that order.

    Changes of NRMSE are shares of the reference's range (0.01 is 1 %); `voxel_change_mean` and
    `reference_range` are in the unit of the map. Frames are those of the series, from 0.
    """
    import pandas as pd

    repeats = importance.n_repeats_done
    columns = {}
    for key in importance.keys:
        kept = importance.voxel_change.get(key)
        shares = importance.fisher_of_groups(key)
        nothing = np.full(len(importance.groups), np.nan)
        columns[key] = (
            importance.mean(key),
            importance.deviation(key),
            nothing if kept is None else _mean_over_voxels(kept),
            nothing if shares is None else shares,
        )
    rows = []
    for group, (first, last) in enumerate(importance.groups.tolist()):
        for key, baseline in importance.baseline.items():
            mean, deviation, voxel_change, share = (float(v[group]) for v in columns[key])
            rows.append(
                (
                    *(first, last, key, PARAMETERS[key].unit, mean, deviation),
                    *(int(repeats[group]), voxel_change, baseline.nrmse, baseline.span),
                    *(baseline.n_voxels, share, baseline.region, baseline.reason),
                )
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _mean_over_voxels(changes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean of (G, N) changes over the voxels that have one; NaN where none has."""
    finite = np.isfinite(changes)
    n = finite.sum(axis=1)
    total = np.where(finite, changes, 0.0).sum(axis=1, dtype=np.float64)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)
