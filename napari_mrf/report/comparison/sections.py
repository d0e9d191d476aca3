"""The sections of the report of a comparison, in their order: the result first, sums last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_mrf.plots.printed_numbers import printed
from napari_mrf.report.comparison import map_table, readable
from napari_mrf.report.comparison.drawings import (
    BLURRINESS,
    KEY,
    NORMALITY,
    OVERVIEW,
    REGIONS,
    SHARES,
    agreement_name,
    errors_name,
    figure_names,
)
from napari_mrf.report.comparison.inclusion import (
    inclusion_overview,
    left_out,
    outliers_overview,
)
from napari_mrf.report.comparison.readable import Cell, Table
from napari_mrf.report.comparison.record import method_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_mrf.analysis.comparison.compare import Comparison

DIFFERENCE_NOTE = (
    "Difference = reference − test, in tables, plots and pictures; of fat fractions in percentage "
    "points."
)
VALIDITY_NOTE = (
    "Validity rules look at the fat fraction of the reference for both sides; stored maps are "
    "not changed."
)
PICTURES_NOTE = (
    "Slices count from 0. Color limits belong to the parameter and are the same for both; those "
    "of the difference are symmetric around zero. Gray: not compared."
)
_FIELDS = ("Name", "Role", "Date", "Signature")
_SIDES = ("reference", "test", "labels", "label_table", "mask")


@dataclass(frozen=True)
class Drawing:
    """A figure in its place.

    Parameters
    ----------
    name : str
        Of `drawings.figure_names`.
    caption : str
        Above it.
    """

    name: str
    caption: str


@dataclass(frozen=True)
class Texts:
    """Names with their texts beside them: definitions, options.

    Parameters
    ----------
    rows : tuple of (str, str)
        Name and text.
    """

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sums(Texts):
    """Files with their sha256 beside them."""


@dataclass(frozen=True)
class Form:
    """Empty fields that are filled in by hand: a row for each name in `rows`."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Beside:
    """A figure with the one table that belongs to it."""

    drawing: Drawing
    table: Table


@dataclass(frozen=True)
class Section:
    """A titled part of a report.

    Parameters
    ----------
    title : str
        Its heading.
    parts : tuple
        Paragraphs (str), `Table`, `Drawing`, `Beside`, `Texts`, `Form`.
    """

    title: str
    parts: tuple[str | Table | Drawing | Beside | Texts | Form, ...]


def sections(comparison: Comparison, record: Mapping[str, Any]) -> Iterator[Section]:
    """Yield the sections of a report.

    Parameters
    ----------
    comparison : Comparison
        What is reported.
    record : mapping
        Of the same comparison, see `comparison_record`.
    """
    has_regions = not comparison.agreement.empty
    yield _result(comparison)
    if has_regions:
        pictured = (Drawing(REGIONS, "Regions"),) if REGIONS in figure_names(comparison) else ()
        out = left_out(comparison)
        reasons = ("Left out, by reason:", Texts(out)) if out else ()
        parts = (inclusion_overview(comparison), *reasons, *pictured)
        yield Section("Inclusion", (*parts, *outliers_overview(comparison)))
        yield _agreement(comparison)
        by_region = readable.by_region_overview(comparison)
        regions = readable.regions_overview(comparison)
        if by_region or regions is not None:
            tables = (*by_region, *(() if regions is None else (regions,)))
            yield Section("Agreement by region", tables)
        yield Section(
            "Lines and assumptions",
            (
                *readable.relative_overview(comparison),
                *_shares(comparison),
                readable.regression_overview(comparison),
                readable.assumptions_overview(comparison),
                Drawing(NORMALITY, "Quantiles of the differences"),
                "Points of normal differences lie along the line.",
            ),
        )
        repeatability = readable.repeatability_overview(comparison)
        if repeatability:
            yield Section("Repeatability", tuple(repeatability))
    yield _pictures(comparison)
    yield Section("Definitions", (Texts(tuple(record["definitions"].items())),))
    yield Section("Provenance", (_inputs(comparison), Texts(tuple(_settings(record)))))
    yield Section("Sign-off", (Form(("Prepared by", "Reviewed by"), _FIELDS),))
    yield Section("Appendix: sums of the inputs (sha256)", (Sums(tuple(_sums(comparison))),))


def _shares(comparison: Comparison) -> list[Drawing]:
    if SHARES not in figure_names(comparison):
        return []
    return [Drawing(SHARES, "Limits of shares: points as in the plots by map, lines likewise")]


def _result(comparison: Comparison) -> Section:
    if comparison.agreement.empty:
        words = ["No regions of interest: no table of agreement.", DIFFERENCE_NOTE]
        table = readable.metrics_overview(comparison)
        return Section("Result", (" ".join(words), table))
    return Section(
        "Result",
        (
            " ".join([*readable.result_sentences(comparison), DIFFERENCE_NOTE]),
            readable.result_overview(comparison),
            Drawing(
                OVERVIEW,
                "Differences of the regions (reference − test), with bias and limits of agreement",
            ),
        ),
    )


def _agreement(comparison: Comparison) -> Section:
    parts: list[str | Drawing | Beside] = [lines_drawn(comparison)]
    if KEY in figure_names(comparison):
        parts.append(Drawing(KEY, "Key to the plots"))
    for key, n in zip(comparison.agreement["map"], comparison.agreement["n"], strict=True):
        title = printed(key).title
        if not n:
            parts.append(f"{title}: no region has a mean on both sides.")
            continue
        parts.append(
            Beside(Drawing(agreement_name(key), title), map_table.map_table(comparison, key))
        )
    return Section("Agreement by map", tuple(parts))


def lines_drawn(comparison: Comparison) -> str:
    """Name the lines of the agreement figures, and no line that none of them has."""
    from napari_mrf.analysis.agreement.statistics import INDEPENDENT

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


def _pictures(comparison: Comparison) -> Section:
    parts: list[str | Table | Drawing] = []
    if not comparison.agreement.empty:
        parts.append(readable.metrics_overview(comparison))
    if comparison.pictures:
        parts.append(PICTURES_NOTE)
    for index, picture in enumerate(comparison.pictures):
        of_whom = f"subject {picture.subject}, " if len(comparison.subjects) > 1 else ""
        caption = f"Maps and differences, {of_whom}slice {picture.z}"
        parts.append(Drawing(errors_name(comparison, index), caption))
    spread = "subjects" if len(comparison.subjects) > 1 else "slices"
    parts += [
        Drawing(BLURRINESS, "Blurriness"),
        "Less energy in the high frequencies is blurrier; noise adds to it. Bars: standard "
        f"deviation over {spread}.",
    ]
    return Section("Maps and differences", tuple(parts))


def _inputs(comparison: Comparison) -> Table:
    rows = [
        (Cell(subject or "–"), Cell(side), Cell(method or "–"), Cell(path))
        for subject, side, method, path, _ in _files(comparison)
    ]
    return Table("What went in", ("Subject", "What", "Made by", "Folder or file"), rows,
                 is_text=True)  # fmt: skip


def _sums(comparison: Comparison) -> Iterator[tuple[str, str]]:
    for subject, side, _, _, sums in _files(comparison):
        name = " ".join(filter(None, (subject, side)))
        for file_name, sha256 in sums:
            yield f"{name}{', ' if file_name else ''}{file_name}", sha256


def _files(
    comparison: Comparison,
) -> Iterator[tuple[str, str, str, str, tuple[tuple[str, str], ...]]]:
    """Yield subject, side, method, path and sums of all that went in."""
    for one in comparison.inputs:
        for side in _SIDES:
            entry = one.get(side)
            if not isinstance(entry, dict):
                continue
            sums = entry.get("sha256") or {}
            if isinstance(sums, str):
                sums = {"": sums}
            method = method_text(entry.get("provenance")) if side in ("reference", "test") else ""
            yield (
                str(one.get("subject", "")), side.replace("_", " "), method,
                str(entry.get("path", "")), tuple(sums.items()),
            )  # fmt: skip


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
