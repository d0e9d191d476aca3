"""Temporal importance as words and arrays, to be stored and read again as it was."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.importance.result import Baseline, Importance
from napari_mrf.data.sequence import Sequence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_ARRAYS = ("sequence_frames", "groups", "places")
_BY_MAP = ("values", "change", "quartile_change", "voxel_change", "fisher")
_NUMBERS = ("nrmse", "span", "n_voxels")


def as_stored(importance: Importance) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return temporal importance, complete or not, as a JSON-ready record and arrays by name."""
    arrays: dict[str, NDArray[Any]] = {name: getattr(importance, name) for name in _ARRAYS}
    if importance.affine is not None:
        arrays["affine"] = importance.affine
    for name in _BY_MAP:
        arrays |= {f"{name}.{key}": value for key, value in getattr(importance, name).items()}
    for key, baseline in importance.baseline.items():  # numbers that may be NaN
        arrays[f"baseline.{key}"] = np.array([getattr(baseline, name) for name in _NUMBERS])
    record = {
        "method": importance.method,
        "sequence": json.loads(importance.sequence.to_json()),
        "options": asdict(importance.options),
        "reference": importance.reference,
        "spatial_shape": list(importance.spatial_shape),
        "baseline": {
            key: {"region": one.region, "reason": one.reason}
            for key, one in importance.baseline.items()
        },
        **{name: list(getattr(importance, name)) for name in _BY_MAP},
        "n_without_signal": importance.n_without_signal,
        "provenance": importance.provenance,
    }
    return record, arrays


def from_stored(record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Importance:
    """Return the importance that `as_stored` returned words and arrays of.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, MRFInputError
        For anything else.
    """
    z, y, x = record["spatial_shape"]
    baseline = {}
    for key, words in record["baseline"].items():
        nrmse, span, n_voxels = arrays[f"baseline.{key}"].tolist()
        baseline[key] = Baseline(nrmse, span, int(n_voxels), **words)
    given: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
    for name in _BY_MAP:
        given[name] = {key: arrays[f"{name}.{key}"] for key in record[name]}
    importance = Importance(
        method=record["method"],
        sequence=Sequence.from_json(json.dumps(record["sequence"])),
        options=ImportanceOptions(**record["options"]),
        reference=record["reference"],
        spatial_shape=(z, y, x),
        affine=arrays.get("affine"),
        baseline=baseline,
        n_without_signal=int(record["n_without_signal"]),
        provenance=dict(record["provenance"]),
        **given,
    )
    _check_shapes(importance)
    return importance


def _check_shapes(importance: Importance) -> None:
    """Refuse arrays that do not belong together, before anything is drawn of them."""
    n_groups, n_voxels = len(importance.groups), importance.places.shape[1]
    shapes = {
        "values": (n_voxels,),
        "change": (importance.options.repeats, n_groups),
        "quartile_change": (importance.options.repeats, n_groups, 3),
        "voxel_change": (n_groups, n_voxels),
        "fisher": (importance.n_frames,),
    }
    for name, shape in shapes.items():
        for key, values in getattr(importance, name).items():
            if values.shape != shape or key not in importance.baseline:
                raise ValueError(f"{name} of {key} has the shape {values.shape}, not {shape}")
