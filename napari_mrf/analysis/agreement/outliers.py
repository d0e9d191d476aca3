"""Outliers among the differences of two reconstructions: listed, never removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FARTHEST = 3.5
"""Robust distance from which a difference of very many is listed (Iglewicz, Hoaglin 1993)."""

FEWEST = 5
"""Differences that the rule needs at least."""

OUTLIER_COLUMNS: dict[str, str] = {
    "map": "parameter key",
    "of": '"region", or "subject" for the mean difference of a subject\'s regions',
    "subject": "whose difference it is",
    "label": "number in the label map; empty for subjects",
    "name": "name of the label; empty for subjects",
    "slice": "index of the slice from 0; empty where pooled",
    "difference": "reference - test",
    "median": "of the differences of the map",
    "distance": "(difference - median) / (1.4826 MAD), MAD the median absolute deviation from the "
    "median; / (1.2533 mean absolute deviation) where more than half of them are equal",
    "unit": "of difference and median",
}
"""Columns of the table and what they mean."""


def outliers(pairs: pd.DataFrame, scope: str = "pooled") -> pd.DataFrame:
    """Return the regions, and the subjects, whose difference lies far from the others.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From `roi_pairs`, of one or more subjects.
    scope : {"pooled", "slice"}
        Which rows count.

    Returns
    -------
    pandas.DataFrame
        With the `OUTLIER_COLUMNS`, by map the farthest first: those at `farthest` or beyond, where
        a map has `FEWEST` or more differences.
    """
    import pandas as pd

    used = pairs[(pairs["scope"] == scope) & pairs["difference"].notna()]
    keys, values = used["map"].to_numpy(), used["difference"].to_numpy(np.float64)
    columns, some = list(OUTLIER_COLUMNS), []
    for key in dict.fromkeys(keys):
        at = np.flatnonzero(keys == key)
        code, subjects = pd.factorize(used["subject"].to_numpy()[at])
        means = np.bincount(code, values[at]) / np.bincount(code)
        for of, differences in (("region", values[at]), ("subject", means)):
            distance = robust_distances(differences)
            far = np.flatnonzero(np.abs(distance) >= farthest(len(differences)))
            if not len(far):
                continue
            far = far[np.argsort(-np.abs(distance[far]), kind="stable")]
            rows = (used.iloc[at[far]] if of == "region" else
                    pd.DataFrame({"subject": subjects[far], "difference": means[far]}))  # fmt: skip
            some.append(rows.assign(
                map=key, of=of, unit=PARAMETERS[str(key)].unit,
                median=np.median(differences), distance=distance[far],
            ).reindex(columns=columns))  # fmt: skip
    if not some:
        return pd.DataFrame(columns=columns)
    return pd.concat(some, ignore_index=True).astype({"label": "Int64", "slice": "Int64"})


def farthest(n: int) -> float:
    """Return the robust distance from which one of n differences is listed.

    The median absolute deviation of a few values is often small by chance: at 3.5 something would
    be listed in 15 to 20 % of maps with 5 to 8 normal differences. Fitted to simulations of 5 to
    50 normal differences: of those any is listed in about 5 %, of 5 in 8 %.
    """
    return FARTHEST + 12 / n


def robust_distances(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far (N,) values lie from their median, in robust standard deviations.

    0 for fewer than `FEWEST` values, and where all are equal.
    """
    if len(values) < FEWEST:
        return np.zeros(len(values))
    away = values - np.median(values)
    spread = 1.4826 * np.median(np.abs(away)) or 1.2533 * np.mean(np.abs(away))
    return np.asarray(away / spread if spread > 0 else np.zeros(len(values)))
