"""Provenance of a comparison: inputs, options, software and definitions."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from napari_mrf._version import __version__
from napari_mrf.analysis.agreement.agreement_table import AGREEMENT_COLUMNS
from napari_mrf.analysis.agreement.outliers import FARTHEST, OUTLIER_COLUMNS
from napari_mrf.analysis.agreement.regression_table import REGRESSION_COLUMNS
from napari_mrf.analysis.agreement.reliability import ICC_REASON
from napari_mrf.analysis.images.error_maps import ERROR_KINDS
from napari_mrf.report.comparison.readable import METRIC_TITLES, METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from napari_mrf.analysis.comparison.compare import Comparison

_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-image", "matplotlib")
_BLURRINESS = (
    "share of the energy of the two-dimensional Fourier transform of a slice, mean included, at "
    "frequencies above the threshold: the distance from zero frequency, in cycles per voxel, that "
    "p percent of all frequencies do not exceed; both maps 0 outside the voxels that both have; "
    "mean and SD over slices (Balsiger et al. 2020)"
)
_RULE = (
    "A validity rule looks at the fat fraction of the reference for both sides, so that both are "
    "judged on the same voxels. It acts in statistics and figures; stored maps are not changed."
)


def comparison_record(comparison: Comparison, made: datetime) -> dict[str, Any]:
    """Return the provenance of a comparison in JSON-ready form, without its numbers.

    Parameters
    ----------
    comparison : Comparison
        What is reported.
    made : datetime
        When the report is made, with its time zone: the only thing that differs between two
        runs of the same comparison.
    """
    return {
        "format": "napari-mrf comparison",
        "version": 1,
        "made": made.isoformat(timespec="seconds"),
        "software": {
            "name": "napari-mrf",
            "version": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _LIBRARIES},
        },
        "reference": comparison.reference_name,
        "test": comparison.test_name,
        "difference": "reference - test",
        "options": comparison.options.as_record(),
        "warnings": list(comparison.warnings),
        "inputs": [dict(one) for one in comparison.inputs],
        "definitions": definitions(comparison),
    }


def definitions(comparison: Comparison) -> dict[str, str]:
    """Return how every number of a comparison is computed, by name."""
    table = comparison.metrics.drop_duplicates("metric").set_index("metric")["definition"]
    found = {METRIC_TITLES.get(name, name): table[name] for name in METRICS if name in table}
    found |= {
        "difference": ERROR_KINDS["difference"].definition,
        "region means": "unweighted mean of the voxels of a region"
        + (" in all slices" if comparison.options.scope == "pooled" else ", slice by slice"),
        "validity": _RULE,
    }
    if not comparison.agreement.empty:
        found |= _column_definitions(AGREEMENT_COLUMNS)
        found["choice of the ICC"] = ICC_REASON
        found |= {
            f"regression: {name}": text
            for name, text in _column_definitions(REGRESSION_COLUMNS).items()
        }
        found["outliers"] = (
            f"{OUTLIER_COLUMNS['distance']}, of {FARTHEST} + 12 / n or more; counted"
        )
    found["blurriness"] = _BLURRINESS
    return {name: " ".join(str(text).split()) for name, text in found.items()}


def _column_definitions(columns: Mapping[str, str]) -> dict[str, str]:
    """Return what the columns mean; columns with one meaning are named together."""
    groups: list[tuple[list[str], str]] = []
    for name, text in columns.items():
        if text:
            groups.append(([name], text))
        else:
            groups[-1][0].append(name)
    return {
        ", ".join(names) if len(names) < 3 else f"{names[0]} … {names[-1]}": text
        for names, text in groups
        if names[0] not in ("map", "message")
    }


def method_text(provenance: Any) -> str:
    """Return the method behind maps in a few words, from their record."""
    if not isinstance(provenance, dict):
        return "unknown: the maps have no record"
    method = provenance.get("method")
    if isinstance(method, dict) and "name" in method:
        parts = [str(method["name"])]
        parts += ["refined"] if method.get("refined") else []
        window = (provenance.get("conditioning") or {}).get("window_frames")
        parts += [f"window of {window} frames"] if window else []
        return ", ".join(parts)
    if "phantom" in provenance:
        return f"known truth of the {provenance['phantom']} phantom"
    return "not said in the record of the maps"
