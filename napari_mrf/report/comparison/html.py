"""A comparison as one HTML file that opens offline: style and pictures are inside.

Apart, since it is one of two formats of the same sections.
"""

from __future__ import annotations

import base64
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import shown
from napari_mrf.report.comparison.drawings import KEY
from napari_mrf.report.comparison.readable import Table
from napari_mrf.report.comparison.sections import Beside, Drawing, Form, Section, Texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_mrf.report.comparison.content import ReportContent


def html_report(content: ReportContent, figures: Mapping[str, bytes]) -> str:
    """Return the page.

    Parameters
    ----------
    content : ReportContent
        Texts and tables.
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
        filed=content.filed,
        warnings=content.warnings,
        sections=[
            {"title": section.title, "parts": [*_parts(section, figures)]}
            for section in content.sections
        ],
        record=json.dumps(content.record, indent=1, allow_nan=False),
    )


def _parts(section: Section, svg: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a section, each named by what it is."""
    for part in section.parts:
        if isinstance(part, str):
            yield {"kind": "text", "text": part}
        elif isinstance(part, Table):
            yield {"kind": "table", "table": part}
        elif isinstance(part, Texts):
            yield {"kind": "texts", "rows": part.rows}
        elif isinstance(part, Form):
            yield {"kind": "form", "rows": part.rows, "columns": part.columns}
        elif isinstance(part, Beside):
            yield {"kind": "beside", "figure": _figure(part.drawing, svg), "table": part.table}
        elif part.name != KEY:  # these figures bring their own
            yield {"kind": "figure", "figure": _figure(part, svg)}


def _figure(drawing: Drawing, svg: Mapping[str, bytes]) -> dict[str, str]:
    encoded = base64.b64encode(svg[drawing.name]).decode("ascii")
    return {"alt": drawing.caption, "source": f"data:image/svg+xml;base64,{encoded}"}
