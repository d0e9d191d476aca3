"""Permutation importance of the frames of a series (Balsiger et al., MedIA 2020, section 3.4).

The values of one frame change places between voxels, the maps are reconstructed, and the change
in NRMSE tells how much that frame contributes to each map. What each number means, and what
differs from the paper: docs/analysis.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.analysis.images.unit_checks import check_same_units, check_units
from napari_mrf.analysis.importance.fisher import iter_mean_fisher_shares
from napari_mrf.analysis.importance.options import ImportanceOptions
from napari_mrf.analysis.importance.permutation import common_factors, permuted_frames
from napari_mrf.analysis.importance.result import Baseline, Importance, importance_record
from napari_mrf.analysis.importance.voxels import (
    ChosenVoxels,
    choosing_permuted_voxels,
    frames_of,
)
from napari_mrf.compute.steps import result_of
from napari_mrf.data.coverage import coverage_notes, covered
from napari_mrf.data.geometry import check_same_grid, unknown_place, values_on
from napari_mrf.data.maps import ParameterMaps
from napari_mrf.data.parameters import validity_rules
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_mrf.analysis.importance.reconstructor import Values
    from napari_mrf.data.geometry import Placed
    from napari_mrf.data.series import MRFSeries
    from napari_mrf.reconstruction.method import Method


_KEPT_BYTES = 512 * 2**20


@dataclass(frozen=True)
class ImportanceUpdate:
    """Progress of `iter_importance`.

    Parameters
    ----------
    done, total : int
        Reconstructions finished, and reconstructions in all: groups times repeats.
    importance : Importance or None
        As far as it is known. The arrays are shared and go on filling.
    group : int or None
        Group that has just been finished.
    stage : str
        ``"preparing"``, ``"permuting"``, ``"theory"`` (Fisher information) or ``"done"``.
    """

    done: int
    total: int
    importance: Importance | None = None
    group: int | None = None
    stage: str = "permuting"


def importance(
    method: Method,
    series: MRFSeries,
    *,
    mask: NDArray[np.bool_] | None = None,
    reference: ParameterMaps | None = None,
    regions: NDArray[np.integer] | Placed | None = None,
    options: ImportanceOptions | None = None,
    keep: str | None = None,
    fisher: bool = True,
) -> Importance:
    """Measure temporal importance at one go; see `iter_importance`."""
    return result_of(
        iter_importance(
            method, series, mask=mask, reference=reference, regions=regions, options=options,
            keep=keep, fisher=fisher,
        )
    )  # fmt: skip


def iter_importance(
    method: Method,
    series: MRFSeries,
    *,
    mask: NDArray[np.bool_] | None = None,
    reference: ParameterMaps | None = None,
    regions: NDArray[np.integer] | Placed | None = None,
    options: ImportanceOptions | None = None,
    keep: str | None = None,
    fisher: bool = True,
) -> Generator[ImportanceUpdate, None, Importance]:
    """Measure temporal importance, yielding after each chunk of voxels (50-200 ms apart).

    All groups of frames are permuted once before any is permuted again, so that the whole
    picture is there early and its spread comes after. A frame has its permutations from the
    seed, the repeat and its own number: stride, order and chunks do not change them.

    Parameters
    ----------
    method : Method
        Any; those that look at single fingerprints are computed on the chosen voxels alone.
    series : MRFSeries
        With the sequence of the method.
    mask : ndarray, optional
        (Z, Y, X) bool; the series' own mask, else the automatic foreground, when None.
    reference : ParameterMaps, optional
        True maps on the grid of the series. Without them the reconstruction of unchanged
        fingerprints is the reference: its NRMSE is 0, and a change is the NRMSE of the
        permuted reconstruction beside it.
    regions : ndarray or LabelMap, optional
        (Z, Y, X) labels on the grid of the series, to spread a balanced choice of voxels over;
        none of them in the mask is as without regions.
    options : ImportanceOptions, optional
        Repeats, stride, voxels, seed.
    keep : str, optional
        Map whose changes per voxel are kept in any case; those of all maps are where they fit
        into 512 MB.
    fisher : bool
        Whether to compute the share of the frames in the Fisher information too.

    Yields
    ------
    ImportanceUpdate
        The last one has ``stage == "done"``.

    Returns
    -------
    Importance

    Raises
    ------
    MRFInputError
        ``"nothing-to-permute"``, ``"other-grid"`` for a reference or regions on another grid,
        ``"unit-conflict"`` for one in other units (`check_units`, `check_same_units`),
        ``"unknown-parameter"`` for a map to keep that the method does not give, and those of
        the method for a series that does not fit.
    """
    options = options or ImportanceOptions()
    if keep is not None and keep not in method.parameters:
        raise MRFInputError(
            "unknown-parameter",
            f"the method {method.name} gives no map {keep!r}",
            expected=", ".join(method.parameters),
        )
    notes: list[str] = []
    if reference is not None:
        check_same_grid(reference, series, "the reference lies on another grid than the series",
                        path=series.source_path)  # fmt: skip
        notes = [
            unknown_place(reference, series, ("the reference", "the series")),
            *check_units(reference, what="the reference"),
            *coverage_notes(reference, "the reference"),
        ]
        reference = covered(reference)
    if regions is not None:
        regions = values_on(regions, series, "the regions lie on another grid than the series")
    groups = options.frame_groups(series.n_frames)
    total = len(groups) * options.repeats
    preparing = ImportanceUpdate(0, total, stage="preparing")
    chosen = yield from choosing_permuted_voxels(method, series, mask, regions, options, preparing)
    reconstructor = chosen.reconstructor
    values = yield from reconstructor.values(preparing)
    if reference is not None:
        at = tuple(reconstructor.places)
        true = ParameterMaps({key: of[at][None, None] for key, of in reference.items()})
        check_same_units(true, ParameterMaps({key: of[None, None] for key, of in values.items()}))
    judges = make_judges(
        values, reference, reconstructor.places, apply_validity=options.apply_validity,
        counted=reconstructor.counted,
    )  # fmt: skip
    result = _empty(method, series, chosen, options, judges, values, groups, keep)
    result.reference = "itself" if reference is None else "given"
    result.provenance = importance_record(method, series, chosen, result, reference)
    result.provenance["warnings"] = [note for note in notes if note]
    factors = None
    if options.intensities == "aligned":
        # Frames that are left out may hold anything, as of a scan that was cut short.
        there = np.isfinite(reconstructor.signals).all(axis=0)
        factors = common_factors(reconstructor.signals[:, there])
    done = 0
    yield ImportanceUpdate(done, total, result)
    for repeat in range(options.repeats):
        for group, (first, last) in enumerate(groups):
            frames = slice(first, last + 1)
            found = values  # the answer of a method that leaves these frames out
            if reconstructor.used_frames[frames].any():
                unchanged = reconstructor.signals[:, frames].copy()
                generator = np.random.default_rng([options.seed, repeat, int(first)])
                reconstructor.signals[:, frames] = permuted_frames(unchanged, factors, generator)
                permuting = ImportanceUpdate(done, total, result)
                found = yield from reconstructor.values(permuting)
                reconstructor.signals[:, frames] = unchanged
            _enter(result, judges, found, reconstructor.counted, repeat, group)
            done += 1
            yield ImportanceUpdate(done, total, result, group)
    if fisher:
        used = result.sequence_frames[reconstructor.used_frames]
        for shares in iter_mean_fisher_shares(method.sequence, values, frames=used):
            if shares is not None:
                result.fisher = {key: of[result.sequence_frames] for key, of in shares.items()}
            yield ImportanceUpdate(done, total, result, stage="theory")
    yield ImportanceUpdate(done, total, result, stage="done")
    return result


def _empty(
    method: Method,
    series: MRFSeries,
    chosen: ChosenVoxels,
    options: ImportanceOptions,
    judges: dict[str, Judge],
    values: Values,
    groups: NDArray[np.intp],
    keep: str | None,
) -> Importance:
    n_groups, n_voxels = len(groups), len(chosen.reconstructor.signals)
    keys = list(values)
    if 4 * n_groups * n_voxels * len(keys) > _KEPT_BYTES:
        keys = [keep or keys[0]]
    return Importance(
        method=method.name,
        sequence=method.sequence,
        sequence_frames=frames_of(method, series),
        options=options,
        reference="",
        groups=groups,
        places=chosen.reconstructor.places,
        spatial_shape=series.spatial_shape,
        affine=series.affine,
        baseline={key: judge.baseline(values[key]) for key, judge in judges.items()},
        values=values,
        change={key: np.full((options.repeats, n_groups), np.nan) for key in values},
        quartile_change={key: np.full((options.repeats, n_groups, 3), np.nan) for key in values},
        voxel_change={key: np.full((n_groups, n_voxels), np.nan, np.float32) for key in keys},
        n_without_signal=chosen.n_without_signal,
    )


def _enter(
    result: Importance, judges: dict[str, Judge], found: Values, counted: NDArray[np.bool_],
    repeat: int, group: int,
) -> None:  # fmt: skip
    for key, judge in judges.items():
        result.change[key][repeat, group] = abs(
            judge.nrmse(found[key]) - result.baseline[key].nrmse
        )
        result.quartile_change[key][repeat, group] = judge.quartiles(
            np.abs(found[key] - result.values[key])
        )
    for key, kept in result.voxel_change.items():
        change = np.where(counted, np.abs(found[key] - result.values[key]), np.nan)
        # A running mean, so that it can be looked at while repeats come in.
        kept[group] = change if repeat == 0 else kept[group] + (change - kept[group]) / (repeat + 1)


@dataclass(frozen=True, eq=False)
class Judge:
    """Compares values of one map with its reference, over the voxels that count.

    Parameters
    ----------
    reference : ndarray
        (N,) float64.
    counted : ndarray of bool
        (N,) voxels where reference and baseline have a value and the validity rule holds.
    region : str
        The rule in words.
    reason : str
        Why the map cannot be judged; empty where it can.
    """

    reference: NDArray[np.float64]
    counted: NDArray[np.bool_]
    region: str
    reason: str = ""

    @property
    def span(self) -> float:
        """Maximum - minimum of the reference over the voxels that count."""
        return float(np.ptp(self.reference[self.counted])) if self.counted.any() else float("nan")

    def nrmse(self, values: NDArray[np.float32]) -> float:
        """Return RMSE / span of (N,) values; a voxel that lost its value does not count."""
        counted = self.counted & np.isfinite(values)
        if self.reason or not counted.any():
            return float("nan")
        error = values[counted].astype(np.float64) - self.reference[counted]
        return float(np.sqrt(np.mean(error**2))) / self.span

    def quartiles(self, changes: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the quartiles of (N,) changes over the voxels that count, (3,)."""
        known = changes[self.counted & np.isfinite(changes)]
        if self.reason or not known.size:
            return np.full(3, np.nan)
        return np.asarray(np.quantile(known.astype(np.float64), (0.25, 0.5, 0.75)))

    def baseline(self, values: NDArray[np.float32]) -> Baseline:
        """Return the record of the map from unchanged fingerprints."""
        n_voxels = int(self.counted.sum())
        return Baseline(self.nrmse(values), self.span, n_voxels, self.region, self.reason)


def make_judges(
    values: Mapping[str, NDArray[np.float32]],
    reference: ParameterMaps | None,
    places: NDArray[np.intp],
    *,
    apply_validity: bool,
    counted: NDArray[np.bool_],
) -> dict[str, Judge]:
    """Return a judge for every map.

    Parameters
    ----------
    values : mapping of str to ndarray
        (N,) maps from unchanged fingerprints; they are the reference where none is given.
    reference : ParameterMaps or None
        True maps, (Z, Y, X).
    places : ndarray
        (3, N) file indices z, y, x.
    apply_validity : bool
        Whether maps count only where their validity rule holds for the reference.
    counted : ndarray of bool
        (N,) voxels whose changes count.
    """
    compared: dict[str, NDArray[Any]] = dict(values)
    if reference is not None:
        compared = {key: reference[key][tuple(places)] for key in reference}
    fat_fraction = compared.get("FF", values.get("FF"))
    rules = validity_rules() if apply_validity else {}
    judges = {}
    for key, unchanged in values.items():
        if key not in compared:
            nothing = np.zeros(len(unchanged))
            judges[key] = Judge(nothing, nothing > 0, "", "the reference has no such map")
            continue
        truth = compared[key].astype(np.float64)
        valid, region = counted & np.isfinite(truth) & np.isfinite(unchanged), "everywhere"
        if key in rules and fat_fraction is not None:
            valid, region = valid & rules[key].mask(fat_fraction), rules[key].describe()
        reason = ""
        if not valid.any():
            reason = "no voxel to compare"
        elif np.ptp(truth[valid]) == 0:
            reason = "the reference is the same everywhere"
        judges[key] = Judge(truth, valid, region, reason)
    return judges
