"""Color tables of the parameters, with the logarithmic remap of the relaxometry maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.parameters import PARAMETERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mrf.data.parameters import Parameter

RELAXOMETRY_COLORMAPS = frozenset({"lipari", "navia"})
"""Maps that are remapped logarithmically and begin with black, the color of "no value"."""


def color_table(parameter: Parameter | str) -> NDArray[np.float32]:
    """Return the 256 colors of a parameter over its display limits.

    Parameters
    ----------
    parameter : Parameter or str
        The parameter or its key in `PARAMETERS`.

    Returns
    -------
    ndarray
        (256, 4) float32, RGBA in 0-1. For T1-like and T2 maps the first row is black and
        stands for "no value"; the valid colors begin with the second row.

    References
    ----------
    Fuderer et al., Color-map recommendation for MR relaxometry maps, Magn Reson Med 2025,
    doi 10.1002/mrm.30290.
    """
    if isinstance(parameter, str):
        parameter = PARAMETERS[parameter]
    table = _base_table(parameter.colormap)
    if parameter.colormap in RELAXOMETRY_COLORMAPS:
        return logarithmic_remap(table, parameter.display_limits)
    return table


def valid_colors(parameter: Parameter | str) -> NDArray[np.float32]:
    """Return `color_table` without the color of "no value".

    Where NaN marks the missing voxels, values below the lower limit are valid and get the
    darkest valid color, as the recommendation asks, not black.

    Parameters
    ----------
    parameter : Parameter or str
        As in `color_table`.

    Returns
    -------
    ndarray
        (255, 4) or (256, 4) float32, RGBA in 0-1.
    """
    if isinstance(parameter, str):
        parameter = PARAMETERS[parameter]
    table = color_table(parameter)
    return table[1:] if parameter.colormap in RELAXOMETRY_COLORMAPS else table


def logarithmic_position(
    values: NDArray[np.floating], limits: tuple[float, float]
) -> NDArray[np.float64]:
    """Return where values lie on a color table so that equal ratios look alike.

    Linear from the lower limit to ``upper / e``, logarithmic above; where the lower limit is
    higher than that, logarithmic throughout. The linear part takes the share of the table
    that makes the curve smooth at the joint.

    Parameters
    ----------
    values : ndarray
        Any shape, in the unit of the limits.
    limits : tuple of float
        Lower and upper display limit, 0 <= lower < upper.

    Returns
    -------
    ndarray
        Same shape, 0 at the lower and 1 at the upper limit, clipped.

    Raises
    ------
    ValueError
        For limits that are negative or not increasing.
    """
    lower, upper = limits
    if not 0.0 <= lower < upper:
        raise ValueError(f"a logarithmic display range needs 0 <= lower < upper, not {limits}")
    clipped = np.clip(np.asarray(values, dtype=np.float64), lower, upper)
    joint = max(upper / np.e, lower)
    # One e-fold above the joint has slope 1 / joint there, the linear part 1 / (joint - lower).
    linear_share = (joint - lower) / (2.0 * joint - lower)
    above = np.log(np.maximum(clipped, joint) / joint) / np.log(upper / joint)
    logarithmic = linear_share + (1.0 - linear_share) * above
    if linear_share == 0.0:
        return np.asarray(logarithmic)
    linear = linear_share * (clipped - lower) / (joint - lower)
    return np.where(clipped > joint, logarithmic, linear)


def logarithmic_remap(
    table: NDArray[np.floating], limits: tuple[float, float]
) -> NDArray[np.float32]:
    """Return a color table for linear display whose colors follow `logarithmic_position`.

    Parameters
    ----------
    table : ndarray
        (N, 4) RGBA.
    limits : tuple of float
        Lower and upper display limit.

    Returns
    -------
    ndarray
        (N, 4) float32; the first row is black, the second the darkest valid color.
    """
    n_valid = len(table) - 1
    values = np.linspace(*limits, n_valid)
    position = 1.0 + logarithmic_position(values, limits) * (n_valid - 1)
    rows = np.arange(len(table))
    remapped = np.empty((len(table), 4), dtype=np.float32)
    remapped[0] = (0.0, 0.0, 0.0, 1.0)
    for channel in range(4):
        remapped[1:, channel] = np.interp(position, rows, table[:, channel])
    return remapped


def load_colormaps() -> None:
    """Import the libraries with the color tables: a third of a second, once."""
    import cmcrameri.cm  # noqa: F401


def _base_table(name: str) -> NDArray[np.float32]:
    import cmcrameri.cm
    import matplotlib

    source = getattr(cmcrameri.cm, name, None)
    if source is None:
        source = matplotlib.colormaps[name]
    return np.asarray(source(np.linspace(0.0, 1.0, 256)), dtype=np.float32)


NOT_COMPARED_GRAY = 0.55
"""Red, green and blue where an error map has no value: darker than the color of no error."""


def error_colors(kind: str) -> NDArray[np.float32]:
    """Return the (256, 4) colors of an error map: diverging for signed errors.

    Parameters
    ----------
    kind : str
        ``"difference"``, ``"relative"`` or ``"absolute"``.
    """
    return _base_table("lajolla" if kind == "absolute" else "vik")
