"""Content of a report, independent of its file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.report.comparison import readable
from napari_mrf.report.comparison.record import comparison_record, method_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from napari_mrf.analysis.comparison.compare import Comparison
    from napari_mrf.report.comparison.readable import Table

DIFFERENCE_NOTE = "Difference = reference − test, in tables, plots and pictures."
VALIDITY_NOTE = (
    "Validity rules look at the fat fraction of the reference for both sides; stored maps are "
    "not changed."
)


@dataclass(frozen=True)
class InputRow:
    """One file or folder that went in.

    Parameters
    ----------
    subject, side, method, path : str
        Whose, which side, what made it, where it lay.
    sums : tuple of (str, str)
        File name and sha256.
    """

    subject: str
    side: str
    method: str
    path: str
    sums: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReportContent:
    """The texts and tables of a report.

    Parameters
    ----------
    title, summary : str
        The two lines at the top.
    warnings : tuple of str
        Sentences.
    tables, details : tuple of Table
        Overview, and what comes after the figures.
    no_agreement : str
        Why there is no table of agreement; empty when there is one.
    inputs : tuple of InputRow
        Where everything came from.
    settings : tuple of (str, str)
        Options and versions.
    definitions : tuple of (str, str)
        What each number means.
    record : mapping
        All of it for machines, see `comparison_record`.
    """

    title: str
    summary: str
    warnings: tuple[str, ...]
    tables: tuple[Table, ...]
    details: tuple[Table, ...]
    no_agreement: str
    inputs: tuple[InputRow, ...]
    settings: tuple[tuple[str, str], ...]
    definitions: tuple[tuple[str, str], ...]
    record: Mapping[str, Any]


def report_content(comparison: Comparison, made: datetime) -> ReportContent:
    """Return the content of the report of a comparison."""
    record = comparison_record(comparison, made)
    tables = [readable.metrics_overview(comparison)]
    no_agreement = "No regions of interest: no table of agreement."
    if not comparison.agreement.empty:
        no_agreement = ""
        tables += [
            readable.limits_overview(comparison),
            *readable.relative_overview(comparison),
            readable.assumptions_overview(comparison),
            *readable.other_limits_overview(comparison),
            readable.coefficients_overview(comparison),
            readable.regression_overview(comparison),
            *readable.proportional_overview(comparison),
            *readable.verdicts_overview(comparison),
            *readable.repeatability_overview(comparison),
        ]
        if comparison.options.independent:
            tables += [
                readable.limits_overview(comparison, "independent_"),
                readable.coefficients_overview(comparison, "independent_"),
            ]
    regions = readable.regions_overview(comparison)
    n = len(comparison.subjects)
    who = "1 subject" if n == 1 else f"{n} subjects"
    return ReportContent(
        title=f"{comparison.test_name} against {comparison.reference_name}",
        summary=f"Reference: {comparison.reference_name}. Test: {comparison.test_name}. {who}, "
        f"maps {', '.join(comparison.maps)}. Made {made:%Y-%m-%d %H:%M %Z}".rstrip()
        + ".",
        warnings=(*comparison.warnings, *_missing(comparison), *_advice(comparison)),
        tables=tuple(tables),
        details=(
            *readable.by_region_overview(comparison),
            *(() if regions is None else (regions,)),
        ),
        no_agreement=no_agreement,
        inputs=tuple(_inputs(comparison)),
        settings=tuple(_settings(record)),
        definitions=tuple(record["definitions"].items()),
        record=record,
    )


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


def _inputs(comparison: Comparison) -> list[InputRow]:
    rows = []
    for one in comparison.inputs:
        for side in ("reference", "test", "labels", "label_table", "mask"):
            entry = one.get(side)
            if not isinstance(entry, dict):
                continue
            sums = entry.get("sha256") or {}
            if isinstance(sums, str):
                sums = {"": sums}
            method = method_text(entry.get("provenance")) if side in ("reference", "test") else ""
            rows.append(
                InputRow(
                    str(one.get("subject", "")),
                    side.replace("_", " "),
                    method,
                    str(entry.get("path", "")),
                    tuple(sums.items()),
                )
            )
    return rows


def _settings(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    options, software = record["options"], record["software"]
    rules = ", ".join(f"{key} where {rule}" for key, rule in options["validity"].items())
    versions = ", ".join(f"{name} {software[name]}" for name in software if name not in
                         ("name", "version"))  # fmt: skip
    per_slice = options["scope"] == "slice"
    return [
        ("Regions", "every region once in each slice" if per_slice
         else "every region once, pooled over its slices"),
        ("Erosion", f"{options['erosion_voxels']} voxels"),
        ("Validity rules", f"{rules}. {VALIDITY_NOTE}" if rules else "not applied"),
        ("Sign", DIFFERENCE_NOTE),
        ("Bootstrap seed", str(options["bootstrap_seed"])),
        ("Software", f"napari-mrf {software['version']}; {versions}"),
    ]  # fmt: skip
