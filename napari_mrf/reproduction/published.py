"""The numbers that the papers print, kept beside the code with their source."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def published_table(name: str) -> pd.DataFrame:
    """Return a table of a paper.

    Parameters
    ----------
    name : str
        Of the experiment.

    Returns
    -------
    pandas.DataFrame
        Columns ``method, metric, map, mean, sd, source``; sd is NaN where the paper has none.
        For tables that are not about maps, ``map`` is the row of the paper.
    """
    import pandas as pd

    path = Path(__file__).parent / "published" / f"{name}.toml"
    record = tomllib.loads(path.read_text(encoding="utf-8"))
    source, methods = record.pop("source"), record.pop("methods")
    record.pop("test")
    rows = []
    for metric, parts in record.items():
        for key, means in parts["mean"].items():
            deviations = parts.get("sd", {}).get(key, [float("nan")] * len(methods))
            rows += [
                {"method": method, "metric": metric, "map": key, "mean": float(mean),
                 "sd": float(sd), "source": source}
                for method, mean, sd in zip(methods, means, deviations, strict=True)
            ]  # fmt: skip
    return pd.DataFrame(rows)
