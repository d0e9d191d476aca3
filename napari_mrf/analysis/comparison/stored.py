"""A comparison as words and arrays, to be stored and read again with every number as it was."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.comparison.compare import Comparison
from napari_mrf.analysis.comparison.inclusion import LeftOut
from napari_mrf.analysis.comparison.options import ComparisonOptions
from napari_mrf.analysis.comparison.slice_picture import SlicePicture
from napari_mrf.analysis.regions.options import RoiOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

_TABLES = ("metrics", "pairs", "blurriness")
_PANES = ("reference", "test", "difference")


def as_stored(comparison: Comparison) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return a comparison as a JSON-ready record and its arrays by name.

    Agreement is not among them: it follows from the pairs, the options and their seed.
    """
    arrays: dict[str, NDArray[Any]] = {}
    options = asdict(comparison.options)
    record = {
        "reference_name": comparison.reference_name,
        "test_name": comparison.test_name,
        "options": options,
        "tables": {
            name: _table_record(name, getattr(comparison, name), arrays) for name in _TABLES
        },
        "pictures": [
            _picture_record(f"picture {index}", picture, arrays)
            for index, picture in enumerate(comparison.pictures)
        ],
        "warnings": list(comparison.warnings),
        "inputs": [dict(one) for one in comparison.inputs],
        "labels": None if comparison.labels is None else sorted(comparison.labels),
        "left_out": [asdict(one) for one in comparison.left_out],
    }
    return record, arrays


def from_stored(record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Comparison:
    """Return the comparison that `as_stored` returned words and arrays of.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, MRFInputError
        For anything else.
    """
    options = dict(record["options"])
    rois = dict(options.pop("rois"))
    rois["regions"] = tuple(rois["regions"])
    labels = record["labels"]
    tables: dict[str, Any] = {
        name: _table(name, record["tables"][name], arrays) for name in _TABLES
    }
    comparison = Comparison(
        reference_name=record["reference_name"],
        test_name=record["test_name"],
        options=ComparisonOptions(RoiOptions(**rois), **options),
        **tables,
        pictures=tuple(
            _picture(f"picture {index}", one, arrays)
            for index, one in enumerate(record["pictures"])
        ),
        warnings=tuple(record["warnings"]),
        inputs=tuple(record["inputs"]),
        labels=None if labels is None else frozenset(labels),
        left_out=tuple(LeftOut(**one) for one in record["left_out"]),
    )
    _ = comparison.agreement  # here, where a worker thread computes it
    return comparison


def _table_record(
    name: str, table: pd.DataFrame, arrays: dict[str, NDArray[Any]]
) -> dict[str, list[Any]]:
    """Return columns, their types, and the values of those that are not plain numbers."""
    record: dict[str, list[Any]] = {"columns": [], "types": [], "words": []}
    for column in table.columns:
        values = table[column]
        is_plain = isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf"
        if is_plain:
            arrays[f"{name}.{column}"] = values.to_numpy()
        record["columns"].append(column)
        record["types"].append(str(values.dtype))
        missing = values.isna()
        record["words"].append(None if is_plain else [
            None if gone else value if isinstance(value, str) else int(value)
            for value, gone in zip(values, missing, strict=True)
        ])  # fmt: skip
    return record


def _table(
    name: str, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> pd.DataFrame:
    import pandas as pd

    columns = zip(record["columns"], record["types"], record["words"], strict=True)
    return pd.DataFrame({
        column: pd.Series(arrays[f"{name}.{column}"] if words is None else words, dtype=kind)
        for column, kind, words in columns
    })  # fmt: skip


def _picture_record(
    name: str, picture: SlicePicture, arrays: dict[str, NDArray[Any]]
) -> dict[str, Any]:
    for pane in _PANES:
        for key, values in getattr(picture, pane).items():
            arrays[f"{name}.{pane}.{key}"] = values
    if picture.labels is not None:
        arrays[f"{name}.labels"] = picture.labels
    return {
        "subject": picture.subject,
        "z": picture.z,
        "maps": list(picture.reference),
        "letters": [list(ends) for ends in picture.letters],
        "pixel_aspect": picture.pixel_aspect,
    }


def _picture(
    name: str, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> SlicePicture:
    reference, test, difference = (
        {key: arrays[f"{name}.{pane}.{key}"] for key in record["maps"]} for pane in _PANES
    )
    return SlicePicture(
        record["subject"], record["z"], reference, test, difference,
        arrays.get(f"{name}.labels"),
        tuple((start, end) for start, end in record["letters"]),
        record["pixel_aspect"],
    )  # fmt: skip
