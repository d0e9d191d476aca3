"""Similarity of two maps, with the definition beside every number."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.agreement.pairs import is_constant
from napari_mrf.analysis.images.error_maps import NO_RELATIVE_ERROR
from napari_mrf.analysis.images.ssim import structural_similarity
from napari_mrf.data.coverage import covered
from napari_mrf.data.parameters import PARAMETERS, validity_rules
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps

Value = tuple[float, str]
"""A number and why it is missing (or what to know about it); the text is empty otherwise."""

_NAN = float("nan")


@dataclass(frozen=True)
class Metric:
    """One number about one map.

    Parameters
    ----------
    map, metric : str
        Parameter key and name of the metric.
    value : float
        NaN where there is none.
    unit : str
        Of the value: that of the map, ``"dB"`` or empty.
    n, n_missing : int
        Voxels compared, and voxels of the region where the test map has no value; for R2 the
        regions with a mean on both sides, and those without.
    region : str
        Validity rule in words.
    definition : str
        How the value is computed.
    reason : str
        Why the value is missing, or what was left out.
    """

    map: str
    metric: str
    value: float
    unit: str
    n: int
    n_missing: int
    region: str
    definition: str
    reason: str


def nrmse(reference: NDArray[np.float64], test: NDArray[np.float64]) -> Value:
    """Root mean square error over the range of the reference; (N,) float64 each."""
    if is_constant(reference):
        return _NAN, "the reference is the same everywhere"
    return _rmse(reference, test) / float(np.ptp(reference)), ""


def psnr(reference: NDArray[np.float64], test: NDArray[np.float64]) -> Value:
    """Peak signal-to-noise ratio in dB, the peak being the maximum of the reference."""
    peak, error = float(reference.max()), _rmse(reference, test)
    if peak <= 0:
        return _NAN, "the maximum of the reference is not positive"
    if error == 0:
        return float("inf"), "the maps are identical"
    return 20.0 * float(np.log10(peak / error)), ""


def mean_absolute_error(reference: NDArray[np.float64], test: NDArray[np.float64]) -> Value:
    """Mean of |test - reference|, in the unit of the map."""
    return float(np.mean(np.abs(test - reference))), ""


def mean_relative_error(reference: NDArray[np.float64], test: NDArray[np.float64]) -> Value:
    """Mean of |test - reference| / |reference| over the voxels where the reference is not 0."""
    usable = reference != 0
    if not usable.any():
        return _NAN, "the reference is zero everywhere"
    relative = np.abs(test[usable] - reference[usable]) / np.abs(reference[usable])
    left_out = int(np.sum(~usable))
    note = f"{left_out} voxels with a zero reference left out" if left_out else ""
    return float(np.mean(relative)), note


def r_squared(reference: NDArray[np.float64], test: NDArray[np.float64]) -> Value:
    """Coefficient of determination, 1 - Σ(test - reference)² / Σ(reference - mean)²."""
    if len(reference) < 2:
        return _NAN, "fewer than two values"
    spread = float(np.sum((reference - reference.mean()) ** 2))
    if is_constant(reference):
        return _NAN, "the reference is the same everywhere"
    return 1.0 - float(np.sum((test - reference) ** 2)) / spread, ""


_OF_VOXELS: dict[str, tuple[Callable[..., Value], str]] = {
    "NRMSE": (nrmse, "RMSE / (maximum - minimum of the reference), over the region"),
    "PSNR": (psnr, "20 log10(maximum of the reference / RMSE), over the region"),
    "MAE": (mean_absolute_error, "mean |test - reference|, over the region"),
    "MRE": (
        mean_relative_error,
        "mean |test - reference| / |reference|, over the region, zero references left out",
    ),
}
_SSIM = (
    "structural similarity (Wang et al. 2004), 7×7 uniform window, K1 = 0.01, K2 = 0.03, "
    "L = maximum of the reference; both maps 0 outside the region; mean over every slice that "
    "the region touches, then over the slices"
)
_R2_REGIONS = (
    "1 - Σ(test - reference)² / Σ(reference - mean)² of the means of the ROIs, pooled over "
    "slices, as the table of regions has them"
)
_R2_VOXELS = "1 - Σ(test - reference)² / Σ(reference - mean)² of the voxels of the region"


def image_metrics(
    reference: ParameterMaps,
    test: ParameterMaps,
    mask: NDArray[np.bool_],
    *,
    regions: pd.DataFrame | None = None,
    apply_validity: bool = True,
    thresholds: Mapping[str, float] | None = None,
) -> list[Metric]:
    """Return every metric of every map that two reconstructions share.

    The region of a map is the mask, where the reference has a value, and where the validity
    rule holds for the **reference** fat fraction; voxels without a test value are left out
    and counted. R² of ROI means follows the papers and needs their table, so that it is that of
    the means which are printed; R² of voxels is beside it.

    Parameters
    ----------
    reference, test : ParameterMaps
        On one grid.
    mask : ndarray of bool
        (Z, Y, X) voxels to compare.
    regions : pandas.DataFrame, optional
        Means of the regions of these maps, from `roi_pairs`.
    apply_validity : bool
        Whether the validity rules restrict the region.
    thresholds : mapping of str to float, optional
        Fat-fraction thresholds by key, see `validity_rules`.

    Returns
    -------
    list of Metric
        Seven a map: NRMSE, PSNR, MAE, MRE, SSIM, R2, R2 voxels.

    Raises
    ------
    MRFInputError
        ``"bad-shape"`` when the grids differ.
    """
    shapes = {reference.spatial_shape, test.spatial_shape, np.shape(mask)}
    if len(shapes) > 1:
        raise MRFInputError(
            "bad-shape",
            "maps and mask lie on different grids",
            expected=f"shape {reference.spatial_shape}",
            found=", ".join(str(shape) for shape in sorted(shapes, key=str)),
        )
    reference, test = covered(reference), covered(test)
    rules = validity_rules(thresholds) if apply_validity else {}
    rows: list[Metric] = []
    for key in (key for key in PARAMETERS if key in reference and key in test):
        truth, found = reference[key].astype(np.float64), test[key].astype(np.float64)
        region, where = np.asarray(mask, bool) & np.isfinite(truth), "everywhere"
        if key in rules and "FF" in reference:
            region, where = region & rules[key].mask(reference["FF"]), rules[key].describe()
        compared = region & np.isfinite(found)
        n, n_missing = int(compared.sum()), int((region & ~compared).sum())
        of_voxels = Metric(key, "", _NAN, "", n, n_missing, where, "", "")
        rows += _of_map(of_voxels, truth, found, compared, regions)
    return rows


def metrics_table(metrics: list[Metric]) -> pd.DataFrame:
    """Return the metrics as a table, one row each, with the fields of `Metric` as columns."""
    import pandas as pd

    columns = [field.name for field in fields(Metric)]
    return pd.DataFrame([asdict(metric) for metric in metrics], columns=columns)


def _of_map(
    of_voxels: Metric,
    truth: NDArray[np.float64],
    found: NDArray[np.float64],
    compared: NDArray[np.bool_],
    regions: pd.DataFrame | None,
) -> list[Metric]:
    """Return the metrics of a map, of which `of_voxels` knows all but name and value."""
    parameter = PARAMETERS[of_voxels.map]
    units = {"PSNR": "dB", "MAE": parameter.file_unit}

    def metric(name: str, definition: str, function: Callable[..., Value], *given: Any) -> Metric:
        value, reason = function(*given) if compared.any() else (_NAN, "no voxel to compare")
        return replace(of_voxels, metric=name, unit=units.get(name, ""), definition=definition,
                       value=value, reason=reason)  # fmt: skip

    pair = truth[compared], found[compared]
    functions = _OF_VOXELS
    if parameter.is_signed:
        functions = functions | {"MRE": (_no_relative_error, _OF_VOXELS["MRE"][1])}
    value, reason, n, n_missing = _r_squared_of_regions(of_voxels.map, regions)
    return [
        *(metric(name, definition, one, *pair) for name, (one, definition) in functions.items()),
        metric("SSIM", _SSIM, structural_similarity, truth, found, compared),
        replace(of_voxels, metric="R2", value=value, n=n, n_missing=n_missing,
                definition=_R2_REGIONS, reason=reason),
        metric("R2 voxels", _R2_VOXELS, r_squared, *pair),
    ]  # fmt: skip


def _r_squared_of_regions(key: str, regions: pd.DataFrame | None) -> tuple[float, str, int, int]:
    """Return R², why it is missing, and how many regions have a mean on both sides, or not."""
    if regions is None:
        return _NAN, "no regions of interest were given", 0, 0
    of_map = regions[(regions["map"] == key) & (regions["scope"] == "pooled")]
    means = of_map.loc[of_map["difference"].notna(), ["reference", "test"]].to_numpy(np.float64)
    return *r_squared(*means.T), len(means), len(of_map) - len(means)


def _no_relative_error(*_: Any) -> Value:
    return _NAN, NO_RELATIVE_ERROR


def _rmse(reference: NDArray[np.float64], test: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((test - reference) ** 2)))
