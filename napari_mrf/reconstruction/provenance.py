"""Provenance of maps: software, input, sequence, method, mask and rules."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf._version import NUMERICS, __version__
from napari_mrf.data.frames import frames_text
from napari_mrf.data.parameters import validity_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_mrf.data.sequence import Sequence as PulseSequence
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.conditioning import Conditioning
    from napari_mrf.reconstruction.method import Method


def reconstruction_record(
    method: Method, conditioning: Conditioning, series: MRFSeries, mask: str, counts: dict[str, int]
) -> dict[str, Any]:
    """Return the provenance of a reconstruction in JSON-ready form.

    Parameters
    ----------
    method : Method
        The method, with its options.
    conditioning : Conditioning
        Applied to the series before.
    series : MRFSeries
        The measurement.
    mask : str
        Rule by which the voxels were chosen, in words.
    counts : dict of str to int
        Voxels in all, without signal, not finite.
    """
    import torch

    return {
        "software": {
            "name": "napari-mrf",
            "version": __version__,
            "numerics": NUMERICS,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "input": {
            "path": series.source_path,
            "sha256": series.source_sha256,
            "shape_tzyx": [series.n_frames, *series.spatial_shape],
            "warnings": list(series.warnings),
            **series.metadata,
        },
        "sequence": {"name": method.sequence.name, "fingerprint": method.sequence.fingerprint()},
        "method": {"name": method.name, **method.describe()},
        "conditioning": conditioning.describe(),
        "mask": mask,
        "counts": counts,
        "validity": {key: rule.describe() for key, rule in validity_rules().items()},
    }


def options_of(provenance: Mapping[str, Any], sequence: PulseSequence) -> dict[str, Any]:
    """Return the options of a method that the provenance of its maps tells of.

    Parameters
    ----------
    provenance : mapping
        Of `ParameterMaps`.
    sequence : Sequence
        Of the series.
    """
    method = provenance.get("method", {})
    conditioning = provenance.get("conditioning", {})
    options: dict[str, Any] = {
        "frames": frames_text(conditioning.get("frames", ())) or "all",
        "window": conditioning.get("window_frames", 1),
        "smooth": conditioning.get("smooth_voxels", 0.0),
        "conjugate": bool(conditioning.get("conjugate", False)),
    }
    if "refined" in method:
        options["refine"] = bool(method["refined"])
    if "prior" in method:
        options["prior"] = method["prior"]["source"]
    from napari_mrf.dictionary.grid import WIDE_GRIDS, wide_grid

    if "grid" in method and sequence.kind in WIDE_GRIDS:
        is_wide = method["grid"] == wide_grid(sequence).describe()
        options["grid"] = "wide" if is_wide else "published"
    return options
