"""The figures of a comparison, each drawn once for all the files it goes into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.plots.agreement.agreement_figure import (
    agreement_figure,
    key_figure,
    overview_figure,
)
from napari_mrf.plots.agreement.normality_figure import normality_figure
from napari_mrf.plots.agreement.shares_figure import maps_with_shares, shares_figure
from napari_mrf.plots.blurriness_figure import blurriness_figure
from napari_mrf.plots.error_figure import error_figure
from napari_mrf.plots.figure_files import figure_bytes, settle
from napari_mrf.report.comparison.regions_figure import has_regions_picture, regions_figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from napari_mrf.analysis.comparison.compare import Comparison

BLURRINESS = "blurriness"
OVERVIEW = "overview"
KEY = "key"
NORMALITY = "normality"
SHARES = "shares"
REGIONS = "regions"


def figure_names(comparison: Comparison) -> list[str]:
    """Return the names of the figures, which are those of their files without suffix."""
    pictures = [errors_name(comparison, index) for index in range(len(comparison.pictures))]
    keys = list(comparison.agreement["map"])
    return [
        *([OVERVIEW, KEY, NORMALITY] if keys else ()),
        *([REGIONS] if keys and has_regions_picture(comparison) else ()),
        *([SHARES] if keys and maps_with_shares(comparison) else ()),
        *map(agreement_name, keys), *pictures, BLURRINESS,
    ]  # fmt: skip


def agreement_name(key: str) -> str:
    """Return the name of the agreement figure of a map."""
    return f"agreement_{key}"


def errors_name(comparison: Comparison, index: int) -> str:
    """Return the name of the figure with the maps and differences of a subject."""
    if len(comparison.subjects) == 1:
        return "errors"
    subject = comparison.pictures[index].subject
    return f"errors_{''.join(c if c.isalnum() or c in '-_.' else '_' for c in subject)}"


def draw(comparison: Comparison, name: str) -> Figure:
    """Return one figure, laid out."""
    names = (comparison.reference_name, comparison.test_name)
    if name == BLURRINESS:
        return settle(blurriness_figure(comparison))
    if name == OVERVIEW:
        return settle(overview_figure(comparison))
    if name == NORMALITY:
        return settle(normality_figure(comparison))
    if name == REGIONS:
        return settle(regions_figure(comparison))
    if name == SHARES:
        return settle(shares_figure(comparison))
    if name == KEY:
        return settle(key_figure(comparison))
    if name.startswith("agreement_"):
        return settle(agreement_figure(comparison, name.removeprefix("agreement_")))
    for index, picture in enumerate(comparison.pictures):
        if errors_name(comparison, index) == name:
            validity = comparison.options.as_record()["validity"]
            return settle(error_figure(picture, names=names, validity=validity))
    raise KeyError(name)


def drawn(comparison: Comparison, name: str, kinds: tuple[str, ...]) -> Mapping[str, bytes]:
    """Return one figure as the bytes of files, by ``"svg"`` or ``"pdf"``."""
    figure = draw(comparison, name)
    return {kind: figure_bytes(figure, kind) for kind in kinds}
