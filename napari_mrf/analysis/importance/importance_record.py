"""What a file of temporal importance records of how it was made."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf._version import __version__
from napari_mrf.reconstruction.slicewise import SlicewiseMethod

if TYPE_CHECKING:
    from napari_mrf.analysis.importance.result import Importance
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method


DEFINITION = (
    "mean over repeats of |NRMSE - baseline NRMSE| after the values of the frames have been "
    "permuted over the voxels, real and imaginary parts independently; NRMSE = RMSE / (maximum "
    "- minimum of the reference)"
)


def importance_record(
    method: Method,
    series: MRFSeries,
    rule: str,
    result: Importance,
    reference: ParameterMaps | None,
) -> dict[str, Any]:
    """Return what the maps of importance record of how they were made, JSON-ready."""
    record: dict[str, Any] = {
        "software": {"name": "napari-mrf", "version": __version__, "numpy": np.__version__},
        "input": {
            "path": series.source_path,
            "sha256": series.source_sha256,
            "shape_tzyx": [series.n_frames, *series.spatial_shape],
        },
        "sequence": {
            "name": method.sequence.name,
            "fingerprint": method.sequence.fingerprint(),
        },
        "method": {"name": method.name, **method.describe()},
        "mask": rule,
        "options": asdict(result.options),
        "voxels": int(result.places.shape[1]),
        "reference": result.reference,
        "definition": DEFINITION,
        "baseline": {
            key: {name: _finite(value) for name, value in asdict(baseline).items()}
            for key, baseline in result.baseline.items()
        },
    }
    if isinstance(method, SlicewiseMethod):
        record["conditioning"] = method.conditioning.describe()
    if reference is not None:
        record["reference_provenance"] = reference.provenance
    return record


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
