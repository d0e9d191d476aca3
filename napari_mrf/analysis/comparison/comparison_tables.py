"""Image metrics and sharpness of one map of one subject, as rows of the comparison's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.analysis.images.blurriness import blurriness_table
from napari_mrf.analysis.images.metrics import image_metrics, metrics_table
from napari_mrf.data.maps import ParameterMaps

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.analysis.comparison.options import ComparisonOptions
    from napari_mrf.analysis.comparison.subjects import SubjectMaps


def _only(maps: ParameterMaps, key: str) -> ParameterMaps:
    # The validity rules need the fat fraction beside the map.
    return ParameterMaps(
        {name: maps[name] for name in maps if name in ("FF", key)}, affine=maps.affine
    )


def subject_metrics(
    subject: SubjectMaps, key: str, mask: NDArray[np.bool_], options: ComparisonOptions
) -> pd.DataFrame:
    """Return the metrics of one map: ``subject``, then the fields of `image_metrics.Metric`."""
    table = metrics_table(
        image_metrics(
            _only(subject.reference, key),
            ParameterMaps({key: subject.test[key]}),
            mask,
            labels=subject.labels,
            apply_validity=options.rois.apply_validity,
            thresholds=options.rois.thresholds,
        )
    )
    table.insert(0, "subject", subject.name)
    return table


def subject_blurriness(
    subject: SubjectMaps, key: str, mask: NDArray[np.bool_], sides: tuple[str, str]
) -> pd.DataFrame:
    """Return the sharpness of one map on both sides: ``subject``, then `blurriness_table`."""
    reference, test = (
        ParameterMaps({key: maps[key]}) for maps in (subject.reference, subject.test)
    )
    table = blurriness_table({"reference": reference, "test": test}, mask)
    table["method"] = table["method"].map(dict(zip(("reference", "test"), sides, strict=True)))
    table.insert(0, "subject", subject.name)
    table.insert(3, "side", np.where(np.arange(len(table)) < len(table) // 2, "reference", "test"))
    return table
