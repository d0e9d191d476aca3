"""Statistics of regions as sheets: all numbers, their options, and the meaning of the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf._version import __version__
from napari_mrf.analysis.regions.statistics import COLUMNS
from napari_mrf.data.parameters import validity_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from napari_mrf.analysis.regions.options import RoiOptions


def describe_options(keys: Iterable[str], options: RoiOptions) -> dict[str, str]:
    """Return in words which voxels counted, and in which software.

    Parameters
    ----------
    keys : iterable of str
        The maps that were measured; without FF no rule can be applied.
    options : RoiOptions
        What was asked for.
    """
    keys, rules = list(keys), validity_rules(options.thresholds)
    ruled = [key for key in keys if key in rules]
    if not options.apply_validity:
        validity = "not applied"
    elif not ruled:
        validity = "no map has a rule"
    elif "FF" not in keys:
        validity = "not applied: no fat fraction"
    else:
        validity = ", ".join(f"{key} where {rules[key].describe()}" for key in ruled)
    return {
        "validity": validity,
        "erosion (voxels)": str(options.erosion_voxels),
        "regions": ", ".join(options.regions) or "all",
        "fewest voxels": str(options.min_voxels),
        "least valid share": f"{options.min_valid_share:g}",
        "software": f"napari-mrf {__version__}",
    }


def exported_sheets(
    statistics: pd.DataFrame, about: Mapping[str, str], *, maps_name: str = "", series: str = ""
) -> dict[str, pd.DataFrame]:
    """Return all numbers, and how they came about, as sheets by name.

    Every row also carries the name of the maps and, where one is given, of the series, the rule and
    the erosion, so that a CSV file, which holds the first sheet only, tells whose its numbers are
    and how they came about.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `roi_statistics`; with the columns ``subject`` and ``maps`` already where there
        are several subjects.
    about : mapping of str to str
        Lines of the sheet *About*, with those of `describe_options`.
    maps_name : str
        For the column ``maps``, where the statistics do not have it.
    series : str
        Name of the scan that the maps were made from, for a column before that.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``"ROIs"``, ``"About"`` and ``"Columns"``.
    """
    import pandas as pd

    table = statistics.copy()
    if "maps" not in table:
        table.insert(0, "maps", maps_name)
    meanings = {"maps": "set of maps", **COLUMNS}
    if series:
        table.insert(0, "series", series)
        meanings = {"series": "name of the series", **meanings}
    if "subject" in table:
        meanings = {"subject": "name of the folder of the subject", **meanings}
    if "mixed" in table:
        meanings["mixed"] = "how the maps were made, as far as it differs from other subjects"
    return {
        "ROIs": table,
        "About": pd.DataFrame({"what": list(about), "value": list(about.values())}),
        "Columns": pd.DataFrame({"column": list(meanings), "meaning": list(meanings.values())}),
    }
