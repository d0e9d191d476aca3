"""Reference, test and their difference, map by map, in one slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from napari_mrf.analysis.images.error_maps import error_limits
from napari_mrf.data.parameters import PARAMETERS, validity_rules
from napari_mrf.errors import shown
from napari_mrf.plots.agreement.agreement_axes import print_ticks
from napari_mrf.plots.colormaps import error_colors, valid_colors
from napari_mrf.plots.names import AS_IT_IS
from napari_mrf.plots.printed_numbers import printed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import SubFigure

    from napari_mrf.analysis.comparison.slice_picture import SlicePicture

_WIDTH_INCHES = 8.2
_MARGIN = 0.06


def error_figure(
    picture: SlicePicture,
    *,
    names: tuple[str, str] = ("reference", "test"),
    validity: Mapping[str, str] | None = None,
) -> Figure:
    """Draw one row per map: reference and test under one color scale, and their difference.

    Color limits belong to the parameter and are the same for every method; those of the
    difference are symmetric around zero. Where nothing is compared the picture is gray.

    Parameters
    ----------
    picture : SlicePicture
        One slice of one subject.
    names : tuple of str
        Of reference and test.
    validity : mapping of str to str, optional
        Validity rule in words, by parameter; the defaults without.
    """
    figure = Figure(figsize=(_WIDTH_INCHES, error_height_inches(picture)), layout="constrained")
    fill_errors(figure, picture, names=names, validity=validity)
    return figure


def error_height_inches(picture: SlicePicture) -> float:
    """Return how high `error_figure` is."""
    n_rows, n_columns = next(iter(picture.reference.values())).shape
    tile = _WIDTH_INCHES / 3 - 0.55
    height = min(max(tile * n_rows * picture.pixel_aspect / n_columns, 0.8), 3.2)
    return float(len(picture.reference) * (height + 0.12) + 0.4)


def fill_errors(
    figure: Figure | SubFigure,
    picture: SlicePicture,
    *,
    names: tuple[str, str] = ("reference", "test"),
    validity: Mapping[str, str] | None = None,
) -> None:
    """Draw what `error_figure` returns into an empty figure or a part of one."""
    if validity is None:
        validity = {key: rule.describe() for key, rule in validity_rules().items()}
    keys = list(picture.reference)
    axes = figure.subplots(len(keys), 3, squeeze=False)
    for row, key in zip(axes, keys, strict=True):
        parameter = PARAMETERS[key]
        colors: Any = ListedColormap(valid_colors(key))
        limits = parameter.display_limits
        image = _show(row[0], picture.reference[key], colors, limits, picture)
        _show(row[1], picture.test[key], colors, limits, picture)
        bar = figure.colorbar(image, ax=row[1], shrink=0.9)
        _number(bar, key)
        image = _show(row[2], picture.difference[key], ListedColormap(error_colors("difference")),
                      error_limits(key, "difference"), picture)  # fmt: skip
        bar = figure.colorbar(image, ax=row[2], shrink=0.9, extend="both")
        _number(bar, key)
        rule = f"\n{validity[key]}" if key in validity else ""
        row[0].set_ylabel(f"{parameter.label}{rule}", fontsize=8)
    for axis, title in zip(axes[0], (*names, f"{names[0]} − {names[1]}"), strict=True):
        axis.set_title(shown(title), fontsize=9, **AS_IT_IS)
    for axis in axes.ravel():
        _letters(axis, picture)


def _number(bar: Colorbar, key: str) -> None:
    bar.ax.tick_params(labelsize=7)
    bar.set_label(printed(key).unit or PARAMETERS[key].file_unit, fontsize=7)
    print_ticks(key, bar.ax.yaxis)


def _show(
    axis: Axes, values: Any, colors: Any, limits: tuple[float, float], picture: SlicePicture
) -> Any:
    axis.set(xticks=[], yticks=[], facecolor="0.85")
    return axis.imshow(
        values,
        cmap=colors,
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
        aspect=picture.pixel_aspect,
    )


def _letters(axis: Axes, picture: SlicePicture) -> None:
    n_rows, n_columns = next(iter(picture.reference.values())).shape
    axis.set_xlim(-0.5 - _MARGIN * n_columns, n_columns - 0.5 + _MARGIN * n_columns)
    axis.set_ylim(n_rows - 0.5 + _MARGIN * n_rows, -0.5 - _MARGIN * n_rows)
    (top, bottom), (left, right) = picture.letters
    for text, x, y in (
        (top, 0.5, 0.99), (bottom, 0.5, 0.01), (left, 0.015, 0.5), (right, 0.985, 0.5)
    ):  # fmt: skip
        axis.text(
            x, y, text, transform=axis.transAxes, fontsize=7,
            ha={0.015: "left", 0.985: "right"}.get(x, "center"),
            va={0.99: "top", 0.01: "bottom"}.get(y, "center"),
        )  # fmt: skip
