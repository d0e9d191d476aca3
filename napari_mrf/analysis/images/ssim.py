"""Structural similarity of two maps inside a region, slice by slice.

Apart from `metrics`, since it alone looks at windows of an image, by scikit-image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 7


def structural_similarity(
    reference: NDArray[np.float64], test: NDArray[np.float64], region: NDArray[np.bool_]
) -> tuple[float, str]:
    """Return the mean structural similarity of the slices that a region touches.

    Both maps are 0 outside the region. Within a slice the similarity is the mean over every
    7×7 window that lies in the image, as `skimage.metrics.structural_similarity` has it, with
    its sample covariances (n - 1); K1 = 0.01, K2 = 0.03, and L is the maximum of the
    reference in the region, the same for every slice.

    Parameters
    ----------
    reference, test : ndarray
        (Z, Y, X) float64.
    region : ndarray of bool
        (Z, Y, X), not empty; both maps are finite in it.

    Returns
    -------
    tuple of float and str
        The similarity, and why it is missing.

    References
    ----------
    Wang et al., IEEE Trans Image Process 2004;13:600-612, doi 10.1109/TIP.2003.819861.
    """
    from skimage import metrics

    if min(region.shape[1:]) < WINDOW:
        return float("nan"), f"a slice is smaller than the {WINDOW}×{WINDOW} window"
    peak = float(reference[region].max())
    if peak <= 0:
        return float("nan"), "the maximum of the reference is not positive"
    similarities = [
        metrics.structural_similarity(
            np.where(region[z], reference[z], 0.0),
            np.where(region[z], test[z], 0.0),
            win_size=WINDOW,
            data_range=peak,
            gaussian_weights=False,
            use_sample_covariance=True,
            K1=0.01,
            K2=0.03,
        )
        for z in np.flatnonzero(region.any(axis=(1, 2)))
    ]
    return float(np.mean(similarities)), ""
