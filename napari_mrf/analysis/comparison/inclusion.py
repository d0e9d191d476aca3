"""Inclusion: which region of which subject is in the agreement, and why others are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

INCLUSION_COLUMNS: dict[str, str] = {
    "subject": "whose region",
    "label": "number in the label map; empty where all regions of the subject are left out",
    "name": "name of the label",
    "slice": "index of the slice from 0; empty where pooled",
    "map": "parameter key; empty where it is so for all maps",
    "included": "whether it is in the agreement",
    "why": "why it is not; empty where it is",
    "voxels": "voxels with a value on both sides",
    "n_drawn": "voxels of the region as drawn",
    "valid_share": "voxels / voxels of the region after erosion",
}
"""Columns of the table and what they mean."""


@dataclass(frozen=True)
class LeftOut:
    """A subject, or one of its regions, that was not looked at, and why.

    Parameters
    ----------
    subject, why : str
        Name and reason.
    label : int or None
        Number of the region; None for all of the subject.
    name : str
        Of the region.
    """

    subject: str
    why: str
    label: int | None = None
    name: str = ""


def inclusion_table(
    pairs: pd.DataFrame, left_out: Sequence[LeftOut] = (), scope: str = "pooled"
) -> pd.DataFrame:
    """Return a row for every subject, region and map: included, or why not.

    Parameters
    ----------
    pairs : pandas.DataFrame
        From `roi_pairs`, of one or more subjects.
    left_out : sequence of LeftOut
        What has no rows in `pairs`.
    scope : {"pooled", "slice"}
        Which rows count in the agreement.

    Returns
    -------
    pandas.DataFrame
        With the `INCLUSION_COLUMNS`, subjects in the order of `pairs`, then those left out.
    """
    import pandas as pd

    # A region that is not drawn has no slices, but a reason all the same.
    used = pairs[(pairs["scope"] == scope) | (pairs["n_drawn"] == 0)]
    table = used.rename(columns={"reason": "why", "n_reference": "voxels"})
    table = table.assign(included=used["difference"].notna())
    table["why"] = table["why"].where(~table["included"], "")
    rows = [
        {"subject": one.subject, "label": one.label, "name": one.name, "included": False,
         "why": one.why, "map": ""}
        for one in left_out
    ]  # fmt: skip
    columns = list(INCLUSION_COLUMNS)
    parts = [part for part in (table, pd.DataFrame(rows, columns=columns)) if len(part)]
    if not parts:
        return pd.DataFrame(columns=columns)
    found = pd.concat([part.reindex(columns=columns).astype(_TYPES) for part in parts],
                      ignore_index=True)  # fmt: skip
    if len(parts) == 1:
        return found
    order = {name: place for place, name in enumerate(dict.fromkeys(found["subject"]))}
    return found.sort_values("subject", key=lambda of: of.map(order), kind="stable",
                             ignore_index=True)  # fmt: skip


_TYPES = {
    **dict.fromkeys(("label", "slice", "voxels", "n_drawn"), "Int64"),
    "included": "bool",
    "valid_share": "float64",
}
