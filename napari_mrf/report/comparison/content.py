"""Content of a report, independent of its file format: titled sections of text, tables, figures."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.analysis.agreement.assumptions import RATIO_OPTION
from napari_mrf.analysis.comparison.subjects import ONLY_SUBJECT
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.report.comparison.readable import Table
from napari_mrf.report.comparison.record import comparison_record
from napari_mrf.report.comparison.sections import Section, sections

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from napari_mrf.analysis.comparison.compare import Comparison

__all__ = ["ReportContent", "ReportLabel", "Section", "report_content"]


@dataclass(frozen=True)
class ReportLabel:
    """What a report is filed under.

    Parameters
    ----------
    study : str
        Name of the study; empty where it has none.
    report_id : str
        Of this report; by default the first digits of a sum over inputs, options and numbers,
        so that the same comparison has the same one.
    """

    study: str = ""
    report_id: str = ""


@dataclass(frozen=True)
class ReportContent:
    """The texts, tables and figures of a report, in their order.

    Parameters
    ----------
    title, summary : str
        The two lines at the top.
    label : ReportLabel
        Study and report id.
    made : datetime
        When, with its time zone.
    warnings : tuple of str
        Sentences.
    sections : tuple of Section
        The result first; the appendix last.
    record : mapping
        All of it for machines, see `comparison_record`.
    """

    title: str
    summary: str
    label: ReportLabel
    made: datetime
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    record: Mapping[str, Any]

    @property
    def filed(self) -> str:
        """The line that stands on every page: study, report, software and date."""
        parts = [f"Study {self.label.study}"] if self.label.study else []
        parts += [f"Report {self.label.report_id}", f"napari-mrf {__version__}"]
        return " · ".join([*parts, f"{self.made:%Y-%m-%d %H:%M %Z}".rstrip()])


def report_content(
    comparison: Comparison,
    made: datetime,
    label: ReportLabel | None = None,
    *,
    has_tables: bool = False,
) -> ReportContent:
    """Return the content of the report of a comparison.

    Parameters
    ----------
    comparison : Comparison
        What is reported.
    made : datetime
        When, with its time zone.
    label : ReportLabel, optional
        Study and report id.
    has_tables : bool
        Whether the tables are written beside it: only then does it name them.
    """
    label = label or ReportLabel()
    record = comparison_record(comparison, made)
    if not label.report_id:
        label = ReportLabel(label.study, _sum_of(comparison, record))
    names = comparison.subjects
    who = f"{len(names)} subjects" if len(names) != 1 else "1 subject"
    if len(names) == 1 and names[0] not in ("", ONLY_SUBJECT):
        who = f"Subject: {names[0]}"
    return ReportContent(
        title=f"{comparison.test_name} against {comparison.reference_name}",
        summary=f"Reference: {comparison.reference_name}. Test: {comparison.test_name}. {who}, "
        f"maps {', '.join(comparison.maps)}.",
        label=label,
        made=made,
        warnings=(*comparison.warnings, *_missing(comparison), *_advice(comparison)),
        sections=tuple(_noted(one, has_tables) for one in sections(comparison, record)),
        record={**record, "study": label.study, "report_id": label.report_id},
    )


def _noted(section: Section, has_tables: bool) -> Section:
    """Return a section whose tables name files only where there are any."""
    return replace(section, parts=tuple(
        replace(part, note=f"{part.note} {part.more}".strip() if has_tables else part.note, more="")
        if isinstance(part, Table) else part for part in section.parts
    ))  # fmt: skip


def _sum_of(comparison: Comparison, record: Mapping[str, Any]) -> str:
    """Return the sum of a comparison: of its numbers and its record without the time."""
    lasting = {key: value for key, value in record.items() if key != "made"}
    text = json.dumps(lasting, sort_keys=True, default=str) + comparison.metrics.to_csv()
    # One comparison has one sum, whoever reads its advice.
    agreement = comparison.agreement.to_csv().replace(comparison.ratio_option, RATIO_OPTION)
    return hashlib.sha256((text + agreement).encode("utf-8", "surrogateescape")).hexdigest()[:10]


def _missing(comparison: Comparison) -> list[str]:
    """Return the reasons for gaps in the agreement table, each once with its maps."""
    reasons: dict[str, list[str]] = {}
    for _, row in comparison.agreement.iterrows():
        for reason in filter(None, str(row["message"]).split("; ")):
            reasons.setdefault(reason, []).append(str(row["map"]))
    every = len(comparison.agreement)
    return [
        f"{reason[0].upper()}{reason[1:]}"
        + ("." if len(keys) == every else f" ({', '.join(keys)}).")
        for reason, keys in reasons.items()
    ]


def _advice(comparison: Comparison) -> list[str]:
    """Return what to use where differences are not as limits assume, one sentence a map."""
    table = comparison.agreement
    return [
        f"{PARAMETERS[key].label}: {advice}."
        for key, advice in zip(table["map"], table["advice"], strict=True)
        if advice
    ]
