"""A line that follows the edges of a picture from click to click (livewire, intelligent scissors).

E. N. Mortensen, W. A. Barrett, Interactive segmentation with intelligent scissors, Graphical Models
and Image Processing 60 (1998) 349-384: the line is the cheapest path in a graph whose costs are low
on edges. Here it runs between the voxels, over the corners at which four of them meet, so that
a polygon of such lines holds whole voxels on the right side of the edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

REACH = 64
"""How many voxels a line reaches in every direction from its last click."""

_SMOOTHING = 0.5  # voxels, sigma: noise of single voxels makes no edge
_FLAT = 0.3  # cost of a step along an edge; a step where there is none costs 1 more
_STRONG = 99.0  # percentile of the gradient that counts as the sharpest edge
_WEAKEST = 0.3  # of that: an edge that was clicked, at least


class Livewire:
    """Lines from one point along the edges of a picture.

    The costs of all lines from the point are found once, so that a line is found in a fraction of
    a millisecond while the mouse moves.

    Parameters
    ----------
    picture : ndarray
        (Y, X), what the user sees; values that are not finite differ from all others.
    start : tuple of float
        (y, x) in voxels; taken into the picture.
    reach : int
        Voxels in every direction; beyond them a line goes straight on.
    """

    def __init__(
        self, picture: NDArray[Any], start: tuple[float, float], reach: int = REACH
    ) -> None:
        from skimage.graph import MCP_Geometric

        shape = np.array(picture.shape)
        at = np.clip(start, 0, shape - 1)
        low = np.maximum(np.floor(at).astype(int) - reach, 0)
        high = np.minimum(np.ceil(at).astype(int) + reach + 1, shape)
        self._origin = low - 0.5  # the corner above and left of the first voxel
        self._shape = tuple((high - low + 1).tolist())
        self.start = self._nearest(start)
        self._paths = MCP_Geometric(
            corner_costs(picture[low[0] : high[0], low[1] : high[1]], self.start)
        )
        self._paths.find_costs([self.start])

    def line_to(self, end: tuple[float, float]) -> NDArray[np.float64]:
        """Return the line (n, 2), (y, x) in voxels, from the start to the corner nearest to end."""
        corners = self._paths.traceback(self._nearest(end))
        line = np.array(corners, float) + self._origin
        reached = np.round(np.asarray(end, float) - 0.5) + 0.5
        is_beyond = bool((np.abs(reached - line[-1]) > 0.5).any())
        return np.concatenate([line, reached[None]]) if is_beyond else line

    def _nearest(self, point: tuple[float, float]) -> tuple[int, int]:
        index = np.round(np.asarray(point, float) - self._origin).astype(int)
        y, x = np.clip(index, 0, np.array(self._shape) - 1).tolist()
        return y, x


def corner_costs(picture: NDArray[Any], start: tuple[int, int]) -> NDArray[np.float64]:
    """Return what a line pays at the corners of the voxels.

    Parameters
    ----------
    picture : ndarray
        (Y, X).
    start : tuple of int
        The corner at which the line begins. An edge as sharp as the one there is as good as a
        sharper one, so that skin nearby does not draw the line away from a muscle.

    Returns
    -------
    ndarray of float64
        (Y + 1, X + 1), above 0: 1.3 where the picture is even, 0.3 along edges. The first corner
        is above and left of the first voxel.
    """
    from scipy import ndimage

    finite = np.isfinite(picture)
    low, high = (picture[finite].min(), picture[finite].max()) if finite.any() else (0.0, 0.0)
    floor = float(low - (0.5 * (high - low) or 1.0))
    smooth = ndimage.gaussian_filter(
        np.where(finite, picture, floor).astype(np.float64), _SMOOTHING, mode="nearest"
    )
    padded = np.pad(smooth, 1, mode="edge")
    first, second = padded[1:, 1:] - padded[:-1, :-1], padded[1:, :-1] - padded[:-1, 1:]
    gradient = np.hypot(first, second)
    sharpest = float(np.percentile(gradient, _STRONG))
    y, x = start
    clicked = float(gradient[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max())
    strong = min(max(clicked, _WEAKEST * sharpest), sharpest)
    edge = np.minimum(gradient / strong, 1.0) if strong > 0 else np.zeros_like(gradient)
    costs: NDArray[np.float64] = _FLAT + (1.0 - edge) ** 2
    return costs
