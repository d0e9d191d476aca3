"""A comparison as one HTML file that opens offline: style and pictures are inside."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from napari_mrf.analysis.agreement.statistics import INDEPENDENT
from napari_mrf.errors import shown
from napari_mrf.report.comparison.drawings import BLURRINESS, NORMALITY, agreement_name, errors_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.report.comparison.content import ReportContent


def html_report(
    comparison: Comparison, content: ReportContent, figures: Mapping[str, bytes]
) -> str:
    """Return the page.

    Parameters
    ----------
    comparison : Comparison
        For the figures.
    content : ReportContent
        Texts and tables of the same comparison.
    figures : mapping of str to bytes
        SVG of every figure in `drawings.figure_names`.
    """
    import jinja2

    template = (
        files("napari_mrf.report.comparison").joinpath("report.html.j2").read_text(encoding="utf-8")
    )
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: shown(value) if type(value) is str else value,
    )
    return environment.from_string(template).render(
        title=content.title,
        summary=content.summary,
        warnings=content.warnings,
        tables=content.tables,
        details=content.details,
        no_agreement=content.no_agreement,
        inputs=[asdict(row) for row in content.inputs],
        settings=content.settings,
        definitions=content.definitions,
        sections=_sections(comparison, figures),
        record=json.dumps(content.record, indent=1, allow_nan=False),
    )


def _sections(comparison: Comparison, svg: Mapping[str, bytes]) -> list[dict[str, Any]]:
    sections: list[dict[str, Any]] = []
    if not comparison.agreement.empty:
        sections.append({
            "title": "Agreement by region",
            "note": _lines_drawn(comparison),
            "figures": [
                _figure(svg[agreement_name(key)], f"Agreement of {key}")
                for key in comparison.agreement["map"]
            ],
        })  # fmt: skip
        sections.append({
            "title": "Quantiles of the differences",
            "note": "Points of normal differences lie along the line.",
            "figures": [_figure(svg[NORMALITY], "Quantiles of the differences of every map")],
        })  # fmt: skip
    for index, picture in enumerate(comparison.pictures):
        of_whom = f", subject {picture.subject}" if len(comparison.subjects) > 1 else ""
        sections.append({
            "title": f"Maps and differences{of_whom}, slice {picture.z}",
            "note": "Slices count from 0. Color limits belong to the parameter and are the same "
            "for both; those of the difference are symmetric around zero. Gray: not compared.",
            "figures": [
                _figure(svg[errors_name(comparison, index)], f"Maps and differences{of_whom}")
            ],
        })  # fmt: skip
    sections.append({
        "title": "Blurriness",
        "note": "Less energy in the high frequencies is blurrier; noise adds to it. Bars: standard "
        "deviation over " + ("subjects." if len(comparison.subjects) > 1 else "slices."),
        "figures": [_figure(svg[BLURRINESS], "Blurriness of every map")],
    })  # fmt: skip
    return sections


def _lines_drawn(comparison: Comparison) -> str:
    """Name the lines of the agreement figures, and no line that none of them has."""
    table, words = comparison.agreement, ["Dotted: identity."]
    solid = [
        name
        for name, column in (("regression line", "slope"), ("bias", "bias"))
        if table[column].notna().any()
    ]
    if solid:
        words.append(f"Solid: {', and '.join(solid)}.")
    if table["lower"].notna().any():
        bases = list(dict.fromkeys(table.loc[table["lower"].notna(), "basis"]))
        words.append(
            f"Dash-dotted: limits of agreement ({'; '.join(bases)}) with shaded 95 % intervals."
        )
    if table["independent_lower"].notna().any():
        words.append(f"Dashed: {INDEPENDENT}.")
    return " ".join(words)


def _figure(svg: bytes, alt: str) -> dict[str, str]:
    encoded = base64.b64encode(svg).decode("ascii")
    return {"alt": alt, "source": f"data:image/svg+xml;base64,{encoded}"}
