"""Figures as files: the same figure gives the same bytes, text stays text."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib

from napari_mrf.plots.letters import readable

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

FILE_STYLE: dict[str, Any] = {
    "svg.hashsalt": "napari-mrf",  # else the names inside are random
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
"""matplotlib settings under which figures are written."""

_NO_LAYOUT = {"figure.autolayout": False, "figure.constrained_layout.use": False}
_DATES = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}, "png": {}}


def settle(figure: Figure) -> Figure:
    """Lay a figure out once and for all: the layout costs more than the drawing."""
    with readable(figure):
        figure.draw_without_rendering()
    # "none" would leave an engine that does nothing; for it every file is drawn twice.
    with matplotlib.rc_context(_NO_LAYOUT):
        figure.set_layout_engine(None)
    return figure


def write_figure(figure: Figure, path: Path, kind: str, *, dpi: int = 150) -> None:
    """Write a figure without a time stamp.

    Parameters
    ----------
    figure : Figure
        On white, whatever the theme of the window.
    path : Path
        Any name.
    kind : {"svg", "pdf", "png"}
        Format.
    dpi : int
        Dots per inch of a PNG, and of pictures inside the others.
    """
    # The text of an SVG stays text: its reader may have the fonts that are missing here.
    with matplotlib.rc_context(FILE_STYLE), readable(figure, escape=kind != "svg"):
        figure.savefig(path, format=kind, dpi=dpi, facecolor="white", metadata=_DATES[kind])


def write_page(book: PdfPages, page: Figure) -> None:
    """Add a page to a PDF, every letter readable."""
    with readable(page):
        book.savefig(page)


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """Return what `write_figure` writes."""
    buffer: Any = BytesIO()
    write_figure(figure, buffer, kind)
    return bytes(buffer.getvalue())
